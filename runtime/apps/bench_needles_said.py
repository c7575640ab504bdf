"""What is hidden and what is asked: pairs of a sentence and a question in other words, written by hand.

Beside each needle stand sentences that share words or topic with it and do not answer its question: they are said
again and again in the days around it. `NEVER` asks about things that never happened, many of them close to what is
often talked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Needle:
    """What happened once, and how it is asked for."""

    asked: str  # in other words than it was said
    named: str = ""  # in words of it, where that was asked too
    said: str  # or the label of a sound, or the place of a movement
    near: tuple[str, ...] = ()
    sensor: Literal["speech", "sound", "motion"] = "speech"
    window_h: float = 0.0  # the question names a stretch of time so long around it; 0: it names none
    at_h: float | None = None  # hour of the day where it matters


# A question, one in words of what was said (?), what was said (=), and what was said beside it (-).
_SPEECH = """
Where did I hide the spare house key?
? Where is the extra key for the door?
= the extra key for the front door lies under the blue flower pot
- the blue flower pot needs some water | did you lock the front door | my car keys are in my coat
Which pills does grandma take for her heart?
? How many white tablets does grandmother need?
= your grandmother needs two of the white tablets with breakfast because of her blood pressure
- grandma had tea and toast for breakfast | my heart was racing after the stairs | take a tablet if your head hurts
When is the washing machine being delivered?
? When does the new washer come?
= the new washer comes on thursday between nine and eleven
- the washing machine is done with the towels | the parcel was delivered to the neighbour
- thursday between nine and eleven i am at work
Who is the new teacher at school?
? Which class will Mrs Okafor teach?
= mrs okafor takes over the third grade class after the holidays
- the school bus was late again | his teacher gave him too much homework
- after the holidays we start swimming lessons
What is the wifi password?
? What do I type in to get on the internet?
= to get on the internet at home type in purple elephant seven seven
- the internet is slow again at home | i forgot my password for the bank | the elephant at the zoo was asleep
How much did the roof repair cost?
? How much does the roofer ask for the tiles?
= the roofer wants two thousand three hundred euros for the broken tiles
- rain came through the roof of the shed | the tiles in the bathroom are broken | that costs two hundred euros at most
Why was the meeting with the lawyer moved?
? Why did the solicitor postpone?
= the solicitor had to postpone because his train was cancelled
- the meeting with marketing starts at ten | my train was cancelled this morning
- we should ask a lawyer about the fence
What is Anna allergic to?
? What gives Anna a rash?
= be careful anna gets a rash from walnuts
- anna would like walnut cake | i get a rash when it is hot | the cat makes me sneeze i think it is an allergy
Where did we park the car at the airport?
? On which level is our car standing?
= our car stands on level four row g of the long stay parking
- parking in town is so expensive | the airport bus leaves every half hour | the car needs new tyres before winter
What is the dog's vet called?
? When does Doctor Lindqvist look at Rex?
= doctor lindqvist will look at rex's paw on monday
- rex needs to go out for a walk | the doctor said i should rest | the dog has muddy paws again
What did the plumber find?
? What was stuck in the drain?
= the man who fixed the sink said there was a toy car stuck in the drain
- the sink is full of dishes | the plumber is coming some time next week | he is playing with his toy cars
When does my passport expire?
? Until when is the travel document valid?
= this travel document is only valid until the end of march
- i need my passport for the hotel | the milk expires tomorrow | we are travelling at the end of april
What present did Tom want for his birthday?
? What does Tom dream of?
= tom keeps telling me that he dreams of a telescope
- tom is invited to a birthday party | happy birthday to you | what a lovely present thank you
What is the code for the alarm system?
? Which numbers switch off the burglar alarm?
= to switch off the burglar alarm you press four nine one two
- my alarm did not ring this morning | set an alarm for seven | press the button to switch off the lamp
Who broke the vase in the living room?
? Who knocked over the big vase?
= i am sorry it was me who knocked over the big vase with the football
- put the flowers into a vase | football training is in the living room of the coach
- somebody broke the handle of my mug
How is the soup made that I liked so much?
? What do I add to the roasted pumpkin?
= you roast the pumpkin first and then add ginger and coconut milk
- the soup is getting cold | there is no coconut milk left | i liked that soup very much
What did the doctor say about my knee?
? How many weeks without running because of the ligament?
= the ligament is only strained so no running for six weeks
- my knee hurts when it rains | the doctor is on holiday this week | i went running for an hour
Which flight is Maria coming on?
? When does Maria land?
= maria lands with lufthansa four seven three at twenty past six
- maria called while you were out | the flight to rome was very cheap | dinner is at twenty past six
Where are the Christmas decorations stored?
? In which box are the lights and baubles?
= all the baubles and lights are in the red box above the garage
- the garage door is stuck | the red box is full of lego | what are we doing for christmas
What did the neighbour complain about?
? What is Mr Petersen upset about?
= mister petersen next door is upset about the music after midnight
- the neighbours are having a barbecue | turn the music down please | he complained that the coffee was cold
How much money do I owe Daniel?
? How much do I have to give Daniel back?
= i still have to give daniel thirty five back for the concert tickets
- daniel is at a concert tonight | the tickets were thirty euros each | do you have money for the bus
When is the rent due?
? On which day does the landlord want his payment?
= the landlord wants the payment on the first of every month from now on
- the rent in this street is too high | the library book is due next week | the landlord painted the stairs
What was wrong with the boiler?
? What did the heating engineer replace?
= the heating engineer replaced a leaking pressure valve
- the heating is on all day | the kettle is boiling | there is a leak under the bathtub
Who won the chess tournament?
? Who came home with the chess cup?
= little emil beat everybody and came home with the chess cup
- do you want to play chess | emil is at home with a cold | the tournament is on television tonight
What size shoes does Leo need?
? How big have Leo's feet grown?
= leo's feet have grown and he wears a thirty two now
- leo take off your shoes please | your shoes are in the hall | leo has grown so much this year
Which restaurant did Sarah recommend?
? Where are the finest noodles served, according to Sarah?
= sarah says the golden lotus by the harbour serves the finest noodles
- sarah is eating with her mother | the restaurant was fully booked | let us walk to the harbour
Where did the cat have her kittens?
? Where did Minka give birth?
= minka gave birth to four little ones inside the laundry basket
- the cat wants to be fed | the laundry basket is full again | the kittens at the shelter were sweet
What is the name of the new baby?
? What do they call my cousin's daughter?
= my cousin's daughter was born last night and they call her ottilie
- the baby slept through the night | my cousin is visiting next week | what was the name of that film
How did Grandpa hurt his hand?
? What was grandfather pruning when he cut his thumb?
= grandfather cut his thumb while pruning the roses
- grandpa is watering the roses | wash your hands before dinner | my back hurts from gardening
What time does the pharmacy close on Saturdays?
? When does the chemist shut at the weekend?
= at the weekend the chemist shuts at one already
- i have to go to the pharmacy | the shop closes soon | on saturday we sleep in
What did the insurance refuse to pay?
? Why is the scratched windscreen not covered?
= they will not cover the scratched windscreen because we reported it too late
- the insurance letter is on the desk | the windscreen is full of ice | i have to pay the electricity bill
Which paint colour did we choose for the bedroom?
? Which green do we take for the walls upstairs?
= let us take the sage green for the walls upstairs where we sleep
- the bedroom window is open | the paint is still wet in the kitchen | green is my favourite colour
Who is looking after the plants while we are away?
? What did Frieda promise to water?
= frieda promised to come by and water everything during our vacation
- the plants look a bit sad | frieda is on vacation in spain | we are away on sunday
What did the mechanic say about the brakes?
? Which discs are worn down, according to the garage?
= the garage called the front discs are worn down and must be changed
- my bicycle brakes squeak | the garage is closed on fridays | let us take a break
When is the job interview?
? When was I invited to the museum?
= they invited me to present myself at the museum next wednesday at half past two
- the interview on the radio was boring | the museum is free on wednesday | he found a job in berlin
How long should the bread stay in the oven?
? How long do I bake the loaf?
= bake the loaf for fifty minutes and then let it rest
- is there any bread left | the oven is still hot | i am going to rest for fifty minutes
What is the phone number of the babysitter?
? How can I reach Lina?
= you can reach lina who minds the kids under five five five oh one nine eight
- the kids are asleep already | your phone is ringing | lina has five cousins
What was stolen from the cellar?
? Who took the bicycles out of the basement?
= somebody took both bicycles out of our basement storage
- the cellar light is broken | bring some potatoes up from the basement | my bicycle has a flat tyre
Which book should I read for the book club?
? What does our reading group have to finish?
= for our reading group everybody has to finish the old man and the sea
- an old man fed the birds by the sea | i am reading a good book | the club meets on tuesdays
Why is Julia sad?
? What happened to her hamster?
= her hamster died this morning and she has been crying since
- julia is in a good mood today | that film was so sad | the baby was crying this morning
What did the electrician warn about?
? What must not be plugged into the same socket as the heater?
= never plug the heater and the dryer into the same socket or the fuse will blow
- the dryer is finished | there is no socket in this corner | it is cold turn on the heater
Where is the will kept?
? Where is my testament?
= my testament is in the safe at the notary's office
- will you be at the office | is it safe to swim here | the office is being renovated
How many guests are coming to the wedding?
? How many people said yes to the celebration?
= eighty six people have said yes to our marriage celebration
- the wedding dress was beautiful | we have guests on saturday | eighty people were at the game
What should I bring to the picnic?
? Who takes care of the lemonade?
= could you take care of the lemonade and the paper plates for sunday in the park
- the park was crowded on sunday | we need plates and forks for dinner | a picnic would be nice some day
What did the customer order?
? How many aprons does the lady from the bakery want?
= the lady from the bakery wants forty linen aprons by friday
- the bakery is out of rolls | the customer is always right | i have to order new printer paper
What is the reference number of the complaint?
? Under which number did they file our claim?
= they filed our claim about the flight under kilo eight two four four
- what is the number of your room | i would like to complain about this | the flight was on time for once
"""


def _read(text: str) -> Iterator[Needle]:
    for block in text.strip().replace("\n?", "?? ").replace("\n=", "==").replace("\n-", "--").splitlines():
        questions, said, *near = re.split("(?:==|--) ", block)
        asked, named = questions.split("?? ")
        beside = tuple(one for some in near for one in some.split(" | "))
        yield Needle(asked=asked, named=named.strip(), said=said, near=beside)


SPEECH = tuple(_read(_SPEECH))

OTHERS = (
    Needle(sensor="sound", said="dog barking", asked="When did the dog bark at night?", window_h=8, at_h=2.4),
    Needle(sensor="sound", said="glass breaking", asked="Did you hear a glass break?"),
    Needle(sensor="sound", said="smoke alarm", asked="When did the fire detector go off?"),
    Needle(sensor="sound", said="chainsaw", asked="Was somebody cutting wood with a motor saw?"),
    Needle(sensor="sound", said="baby crying", asked="When did the child cry?", window_h=6, at_h=3.1),
    Needle(sensor="sound", said="thunder", asked="Was there a thunderstorm?"),
    Needle(sensor="motion", said="top right", asked="Did anything move at the top right?"),
    Needle(sensor="motion", said="top left", asked="When did something move in the top left corner?",
           window_h=24),
    Needle(sensor="speech", said="tonight there is mushroom risotto for dinner",
           asked="What did we eat in the evening?",
           near=("tonight there is lasagne for dinner", "tonight there is fish for dinner", "we had curry for dinner"),
           window_h=12),
    Needle(sensor="speech", said="i am taking the tram to work today", asked="How did I get to the office?",
           near=("i am taking the car to work today", "i am walking to work today", "i am cycling to work today"),
           window_h=12),
    Needle(sensor="speech", said="today we swam in the lake", asked="Where did we go swimming?",
           near=("today we swam in the indoor pool", "today we went to the cinema", "the lake is frozen in winter"),
           window_h=24),
    Needle(sensor="speech", said="i talked to my brother on the phone for an hour", asked="Who did I telephone with?",
           near=("i talked to my boss on the phone", "i talked to the bank on the phone", "my brother is at work"),
           window_h=12),
    Needle(sensor="speech", said="they lost three to nil", asked="What was the score of the match?",
           near=("they won two to one", "they drew one all", "i lost my gloves"),
           window_h=24),
    Needle(sensor="speech", said="he has a fever of thirty nine", asked="How high was his temperature?",
           near=("it is twenty degrees outside", "his fever is gone", "it is thirty degrees in the car"),
           window_h=24),
)  # fmt: skip

NEEDLES = (*SPEECH, *OTHERS)

NEVER = (
    "Who stole the painting from the gallery?", "When does the ferry to the island sail?",
    "What did the judge decide about the custody?", "Where did I bury the treasure chest?",
    "Which horse won the race?", "What is the combination of the bicycle lock?",
    "Did anybody mention an earthquake?", "How much does the sailing boat weigh?",
    "What did the astronaut say about the moon?", "Who painted the ceiling of the chapel?",
    "When did the helicopter land on the roof?", "What is the recipe for the poison?",
    "Did a gun go off?", "Was a volcano erupting?", "What was the verdict on the murder?",
    "Which mountain did Robert climb?", "Where is the violin from?", "How many sheep does the farmer have?",
    "When is the divorce going to court?", "What instrument does Olga play in the orchestra?",
    "Who is the godfather of the twins?", "Why did the submarine sink?",
    "What did the dentist say about my wisdom teeth?", "Where is the tent we used in Norway?",
    "Which stock did the broker buy?", "Who hacked the company's server?",
    "What is the licence plate of the rental van?", "When was the statue unveiled?",
    "How tall is the oak behind the church?", "What did the queen wear at the coronation?",
)  # fmt: skip
