"""Weapons as callers name them, by the rules alone: things used as one, and things that only sound like one."""

import pytest

from tests.dialogue.scenarios.intake_102.talk import rules_report


@pytest.mark.parametrize(
    ("language", "text", "kind"),
    [
        ("en", "some lad's put a broken bottle in my neck", "other"),
        ("en", "they stuck a screwdriver in my mate's leg", "other"),
        ("en", "my nephew's holding scissors at his sister", "other"),
        ("en", "my brother in law's chasing my sister round the yard with a pitchfork", "other"),
        ("en", "he's running round the yard with an axe", "other"),
        ("en", "he sprayed gas in my eyes and took my bag", "other"),
        ("en", "he's beating the parking attendant with a wheel brace", "blunt"),
        ("en", "one of them used a baseball bat on me last weekend", "blunt"),
        ("en", "he's banging on my window with a wrench", "blunt"),
        ("en", "on sunday a man hit me with a hockey stick", "blunt"),
        ("en", "a drunk has cut our cashier across the face with a box cutter", "knife"),
        ("en", "he's waving a sabre about on the playground", "knife"),
        ("en", "one of them's pointing a sawn-off at him", "firearm"),
        ("en", "somebody's letting off rounds from a balcony", "firearm"),
        ("en", "last summer my father-in-law fired his hunting gun over our heads", "firearm"),
        ("en", "they've broken into our cottage and my rifle's gone", "firearm"),
        ("en", "a shell from the war is sticking out of the river bank", "explosive"),
        ("ru", "отвёрткой в живот ткнул слесарь слесаря", "other"),
        ("ru", "приставил отвёртку к шее, едь, говорит", "other"),
        ("ru", "дядя бутылку разбил и розочку держит", "other"),
        ("ru", "сосед с вилами загнал отца в сарай и кричит заколю", "other"),
        ("ru", "баллончиком перцовым брызнули всей очереди", "other"),
        ("ru", "мужик достал топорик и идёт по вагону", "other"),
        ("ru", "кирпичом по голове ударил старика", "blunt"),
        ("ru", "лопатой по голове раз и другой раз", "blunt"),
        ("ru", "муж меня кочергой по спине стукнул", "blunt"),
        ("ru", "мужик вытащил финку и точит о подлокотник", "knife"),
        ("ru", "неделю назад под ножом забрали часы", "knife"),
        ("ru", "мужика порезали на барахолке, скорей", "knife"),
        ("ru", "из травматики маме в ногу стрельнул", "firearm"),
        ("ru", "сосед вышел с двустволкой на крышу", "firearm"),
        ("ru", "проехали и дали очередь по кафе", "firearm"),
        ("ru", "пистолет у него не игрушечный, я вижу", "firearm"),
        ("ru", "нашли снаряд на стройке, старый, ржавый", "explosive"),
        ("kk", "мені бұрауышпен шанышты, иығым қанап тұр", "other"),
        ("kk", "бөтелкенің мойнын сындырып тамағыма тақап тұр", "other"),
        ("kk", "балтасын алып қойды, өлтіремін деді", "other"),
        ("kk", "газ бүркіп сөмкемді жұлып кетті", "other"),
        ("kk", "біреуді бейсбол таяғымен соғып жатыр", "blunt"),
        ("kk", "құбырмен ұрып жатыр бір шалды", "blunt"),
        ("kk", "кірпішпен желкесінен қойды, жатыр", "blunt"),
        ("kk", "кастетпен қорқытып ақшамды алды", "blunt"),
        ("kk", "үш ай бұрын жолдасым пышақ көтерген", "knife"),
        ("kk", "екі адам карабинмен кірді, бәріміз үстел астындамыз", "firearm"),
        ("kk", "бес күн бұрын түнде мылтық дауысын естідік", "firearm"),
        ("kk", "жол шетінде снаряд жатыр, ескі соғыс кезінікі шығар", "explosive"),
    ],
)
def test_what_is_used_or_held_against_somebody_is_a_weapon(language, text, kind):
    found = rules_report(language, text)
    assert found.weapons is True
    assert found.weapon_kind == kind


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "they said they had a knife but I never saw one"),
        ("en", "he shouts he'll get his gun, he's got none"),
        ("en", "people claim that he has a gun"),
        ("en", "the shots are from a nail gun, roofers next door"),
        ("en", "the boys in the street have water pistols"),
        ("en", "it's only a plastic sword, a lad in a costume"),
        ("en", "a car hit a cyclist, she has hurt her arm"),
        ("en", "they broke the window of our shop with a brick"),
        ("en", "my toolbox with a screwdriver and a wrench is gone from the van"),
        ("en", "could you ask flat nineteen to stop hammering"),
        ("en", "can I take a pocket knife on the train to astana"),
        ("en", "where do I renew the licence for my father's gun"),
        ("en", "sliced my finger with the kitchen knife while cutting onions"),
        ("en", "a caller told us there is a bomb in the school"),
        ("en", "shooting pain in my back"),
        ("ru", "говорят, нож у него есть, сам не видел"),
        ("ru", "сосед кричит, что газ открыл и весь дом взорвёт"),
        ("ru", "держит меня за шею и не пускает"),
        ("ru", "схватилась за сердце и сползла по стене"),
        ("ru", "под окнами пистолет монтажный стреляет дюбелями"),
        ("ru", "дети петардами стреляют третий день"),
        ("ru", "нож в спину, это я образно, подруга увела клиента"),
        ("ru", "палец кухонным ножом порезала, морковку чистила"),
        ("ru", "рабочие с отбойным молотком с семи утра"),
        ("ru", "двери гаража отжали ломом и вынесли инструмент"),
        ("ru", "розетка дымится, отключили автомат, всё равно греется"),
        ("ru", "можно ли в поезд с кухонным ножом в чемодане"),
        ("ru", "нам позвонили и сказали, что в здании бомба"),
        ("ru", "зарежу как барана, написал он мне"),
        ("kk", "сөмкесінде пышақ бар деп біреулер айтып жүр, өзім көрген жоқпын"),
        ("kk", "мылтық емес, отшашу атып жүр"),
        ("kk", "тілі пышақтай ғой"),
        ("kk", "балалар су шашатын мылтықпен атып ойнап жүр"),
        ("kk", "саусағымды пышақпен кесіп алдым нан турап отырып"),
        ("kk", "дүкеннің витринасын түнде біреу таспен сындырып кетіпті"),
        ("kk", "темір жолдың сымын кесіп кетіпті"),
        ("kk", "фейерверк атып жатыр балам ояна берді"),
        ("kk", "цехта қан атқылап жатыр, станок кесіп кетті"),
        ("kk", "актёрлер жасанды автоматпен жүгіреді, кино түсіреді"),
        ("kk", "менің мылтығымның мерзімі бітті, қайда тіркеймін"),
    ],
)
def test_what_only_sounds_like_a_weapon_is_none(language, text):
    assert rules_report(language, text).weapons is not True


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "a man dressed as a policeman robbed me with a gun"),
        ("en", "he has a knife, I can't see a thing, it's dark"),
        ("en", "a man with a knife has just gone for someone"),
        ("en", "they've stolen my phone, he had a knife"),
        ("en", "could I have the police, a man with a gun is here"),
        ("ru", "разрешения на ружьё у соседа нет, а он ходит по двору с обрезом"),
        ("ru", "украли телефон, угрожали ножом"),
        ("ru", "он мне нож в спину воткнул"),
        ("ru", "сосед с топором стучит в дверь"),
        ("ru", "с топором разбил витрину и кричит на людей"),
        ("ru", "вынесли телевизор, один был с ножом"),
        ("ru", "у него что-то похожее на пистолет, целится в нас"),
        ("kk", "пышақпен тура маған келе жатыр"),
        ("kk", "біреу бізге тапанша сияқты зат кезеніп тұр"),
    ],
)
def test_look_alikes_do_not_hide_a_real_weapon(language, text):
    assert rules_report(language, text).weapons is True
