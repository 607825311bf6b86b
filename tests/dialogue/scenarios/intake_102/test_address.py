"""Addresses as callers say them and as dispatchers read them."""

import pytest

from dialogue.scenarios.intake_102.address import answered_place, find_place
from dialogue.scenarios.intake_102.gazetteer import PlaceKind, find_known, skeleton
from dialogue.scenarios.intake_102.reading import read
from dialogue.scenarios.intake_102.text import clean, tokenise


@pytest.mark.parametrize(
    ("language", "text", "address", "confidence"),
    [
        ("en", "loud music at twelve green street", "12 Green Street", "high"),
        ("en", "fifteen garden street apartment four", "15 Garden Street Apartment 4", "high"),
        ("en", "one two three main street", "123 Main Street", "high"),
        ("en", "a fight on the corner of Abay and Dostyk", "corner of Abay and Dostyk", "high"),
        ("en", "five men are fighting on garden street", "Garden Street", "medium"),
        ("ru", "Улица Абая, 15, шумят", "Улица Абая, 15", "high"),
        ("ru", "проспект Назарбаева 20 квартира 5", "проспект Назарбаева 20 квартира 5", "high"),
        ("ru", "микрорайон Аксай-4 дом 7", "микрорайон Аксай-4 дом 7", "high"),
        ("ru", "на улице сатпаева двадцать пять драка", "улица Сатпаева 25", "high"),
        ("ru", "ул. Толе би, 59, кв. 12", "ул. Толе би, 59, кв. 12", "high"),
        ("ru", "я на абая пятнадцать квартира три", "Абая 15 квартира 3", "high"),
        ("ru", "авария, перекрёсток Абая и Достык", "перекрёсток Абая и Достык", "high"),
        ("ru", "возле школы номер пять", "возле школы номер 5", "medium"),
        ("kk", "Абай көшесі 12 үй", "Абай көшесі 12 үй", "high"),
        ("kk", "Күйеуім мені ұрып жатыр Абай көшесі он екі үй", "Абай көшесі 12 үй", "high"),
        ("kk", "Назарбаев даңғылы 15", "Назарбаев даңғылы 15", "high"),
        ("kk", "Абай мен Достық көшелерінің қиылысында", "Абай мен Достық көшелерінің қиылысында", "high"),
    ],
)
def test_an_address_is_found(language, text, address, confidence):
    place = find_place(read(text, 3, language))
    assert place is not None
    assert (place.text, place.confidence.value, place.turn) == (address, confidence, 3)
    assert place.words in text


@pytest.mark.parametrize(
    "text",
    [
        "мужчина на улице бьёт женщину",
        "a man is lying in the street",
        "he was driving down the road",
        "двое с пистолетом",
        "мне 15 лет",
        "көшеде төбелесіп жатыр",
    ],
)
def test_no_address_is_made_up(text):
    assert find_place(read(text, 1, "ru")) is None


@pytest.mark.parametrize(
    ("language", "text", "address", "confidence"),
    [
        # A name and a number, without a word for a street.
        ("ru", "дверь ломает кенесары сорок два квартира семнадцать", "Кенесары 42 квартира 17", "high"),
        ("ru", "Соседи шумят. Ташкентская двести пятьдесят.", "Ташкентская 250", "high"),
        ("ru", "у соседей окно выставили улица момыш улы три", "улица Момыш Улы 3", "high"),
        ("ru", "Караоке под домом. Кабанбай батыра шестьдесят один.", "Кабанбай батыра 61", "high"),
        ("ru", "приезжайте жумалиева восемь", "Жумалиева 8", "high"),
        ("en", "they're on video call with me! Lomov 19, Pavlodar.", "Lomov 19", "high"),
        ("en", "two men with a gun on abylai khan 66 they have masks", "Abylai Khan 66", "high"),
        ("en", "I'm locked in the bathroom flat 14 Zheltoksan 96", "flat 14 Zheltoksan 96", "high"),
        ("en", "please come twenty-five baker street", "25 Baker Street", "high"),
        ("en", "there is a fight at tole bi one eighty seven", "Tole Bi 187", "high"),
        ("kk", "көлігімді тонап кетті рысқұлов тоғыз кіреберісте тұрмын", "Рысқұлов 9", "high"),
        ("kk", "Есік алдында тұр. Қарасай батыр жиырма сегіз, үшінші пәтер", "Қарасай батыр 28, 3 пәтер", "high"),
        ("kk", "Тоқаев көшесі, жиырма бірдің алды", "Тоқаев көшесі, 21", "high"),
        # Flats, letters, fractions, and numbers that stand before the street.
        ("ru", "гоголя дом три дробь один квартира пять", "Гоголя дом 3/1 квартира 5", "high"),
        ("ru", "дом двенадцать по улице Сатпаева", "дом 12 по улице Сатпаева", "high"),
        ("ru", "Розыбакиева двести сорок семь б", "Розыбакиева 247 б", "high"),
        ("ru", "Сейфуллина пятьсот тридцать один корпус два", "Сейфуллина 531 корпус 2", "high"),
        ("kk", "Достық д-лы 12 үй 4 пәтер", "Достық д-лы 12 үй 4 пәтер", "high"),
        ("ru", "мой адрес Тимирязева 42 блок 15 офис 3", "Тимирязева 42 блок 15 офис 3", "high"),
        # Districts, whose own number is no house.
        ("ru", "восьмой микрорайон дом двадцать три", "8 микрорайон дом 23", "high"),
        ("ru", "драка 5-й мкр", "5-й мкр", "medium"),
        ("ru", "11 а мкр дом 2", "11 а мкр дом 2", "high"),
        ("ru", "Обокрали! Орбита-3, дом двенадцать", "Орбита-3, дом 12", "high"),
        ("kk", "Самал екі, отыз үшінші үй", "Самал 2, 33 үй", "high"),
        ("kk", "жетінші ықшам аудан он екінші үй", "7 ықшам аудан 12 үй", "high"),
        ("kk", "құлап қалды, қозғалмайды, Ақсай үш!", "Ақсай 3", "medium"),
        ("en", "pulling out the stereo, 8 microdistrict building 14", "8 Microdistrict Building 14", "high"),
        ("kk", "Қаратал ықшамауданы, жиырмасыншы үй", "Қаратал ықшамауданы, 20 үй", "high"),
        # Corners and roads.
        ("ru", "Я на Саина угол Толе би.", "Саина угол Толе би", "high"),
        ("ru", "женщину сбили, Достык Жолдасбекова, водитель на месте", "Достык Жолдасбекова", "high"),
        ("en", "under the bridge, Seifullin and Raimbek", "Seifullin and Raimbek", "high"),
        ("kk", "машина жанып жатыр, Майлин мен Жансүгіров", "Майлин мен Жансүгіров", "high"),
        (
            "ru",
            "сорок второй километр трассы Алматы — Капчагай авария",
            "42 километр трассы Алматы — Капчагай",
            "high",
        ),
        ("en", "head-on crash on the Karaganda highway, kilometre ninety", "Karaganda highway, kilometre 90", "high"),
        # A street, a village or a landmark alone.
        ("ru", "дорогу на тлендиева размыло", "Тлендиева", "medium"),
        ("ru", "корова на трассе это на выезде из талгара", "Талгар", "medium"),
        ("ru", "пылает склад в посёлке Каменка", "поселок Каменка", "medium"),
        ("ru", "я возле ЦУМа", "Цум", "medium"),
        ("ru", "на заправке Синойл мужик с обрезом", "на заправке Синойл", "medium"),
        ("ru", "стою рядом с вокзалом", "рядом с вокзалом", "low"),
        ("en", "there's two guys outside the Keruen mall", "Keruen mall", "medium"),
        ("en", "he says he has a bomb, school 35, Atyrau", "School 35", "medium"),
        ("kk", "Талас көпірінің астынан снаряд таптық", "Талас көпірінің", "medium"),
        ("kk", "Сайран көлінің жағасында біреу атып отыр", "Сайран көлінің", "medium"),
        # What is taken back does not count.
        ("ru", "на Абая двенадцать ой извините четырнадцать", "Абая 14", "high"),
        ("ru", "Абая 12, ой, простите, Сатпаева 30", "Сатпаева 30", "high"),
        ("en", "Abay 12, no, sorry, Abay 14", "Abay 14", "high"),
        ("kk", "Абай он екі, жоқ, он төрт", "Абай 14", "high"),
    ],
)
def test_an_address_is_found_as_callers_say_it(language, text, address, confidence):
    place = find_place(read(text, 1, language))
    assert place is not None
    assert (place.text, place.confidence.value) == (address, confidence)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "нас трое и нам по пятнадцать лет"),
        ("ru", "автобус двенадцать сбил человека"),
        ("ru", "позвоните мне на 8 701 234 56 78"),
        ("ru", "украли телефон самсунг 21"),
        ("ru", "уехал на камри семьдесят"),
        ("ru", "у него пистолет Макарова 9"),
        ("ru", "мужу Ержану тридцать"),
        ("ru", "Иванов два раза меня ударил"),
        ("ru", "перевела им два миллиона тенге через каспи, двумя переводами"),
        ("ru", "бык по посёлку носится"),
        ("ru", "на улице минус двадцать"),
        ("ru", "выгнал мать на мороз двадцать градусов"),
        ("ru", "я в магазине хлеб взял"),
        ("ru", "в прошлом году меня в Шымкенте ножом порезали"),
        ("ru", "двое с ножом на третьем этаже"),
        ("en", "he is forty five and drives a Camry 70"),
        ("en", "it was five o'clock on Monday, bus 12"),
        ("en", "my number is 87012345678"),
        ("en", "Aliya Bekova, 15, has gone"),
        ("en", "every time I cross the street he crosses it too"),
        ("kk", "балам он бес жаста"),
        ("kk", "Қызым он екіде, репетиторы тиісті"),
        ("kk", "біреулер айтып тұр, бірақ көрген жоқпын"),
        ("kk", "мені бір апта бұрын екі алкаш қуған"),
        ("kk", "Бір жігіттің Камриі екі орынды алып тұр"),
        ("kk", "былтыр желтоқсанда телефонымды тартып алды"),
        ("kk", "қиылыста мотоциклші ұшып түсті"),
    ],
)
def test_numbers_and_names_that_are_no_address(language, text):
    place = find_place(read(text, 1, language))
    assert place is None


@pytest.mark.parametrize(
    ("text", "street"),
    [
        ("на Сатпаева двое дерутся", "Сатпаева"),
        ("на Абая пять человек дерутся", "Абая"),
        ("Райымбека, две машины столкнулись на Райымбека", "Райымбека"),
    ],
)
def test_how_many_there_are_is_no_house(text, street):
    place = find_place(read(text, 1, "ru"))
    assert place is not None
    assert (place.text, place.confidence.value) == (street, "medium")


@pytest.mark.parametrize(
    "spellings",
    [
        ("Сәтпаев", "Сатпаев", "Satpayev", "Satpaev"),
        ("Розыбакиев", "Rozybakiev", "Rozybakyev"),
        ("Жандосов", "Zhandosov"),
        ("Әл-Фараби", "Аль-Фараби", "Al-Farabi"),
        ("Райымбек", "Raiymbek", "Raimbek"),
        ("Наурызбай", "Nauryzbay"),
    ],
)
def test_a_name_has_one_skeleton_in_every_alphabet(spellings):
    assert len({skeleton(clean(word).casefold()) for word in spellings}) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Сәтпаевтың", PlaceKind.STREET),
        ("Ташкентской", PlaceKind.STREET),
        ("Абаем", PlaceKind.STREET),
        ("Аксай-4", PlaceKind.DISTRICT),
        ("боровом", PlaceKind.SETTLEMENT),
        ("Шымкенте", PlaceKind.CITY),
        ("плазадамыз", None),
        ("Достық плазадамыз", PlaceKind.LANDMARK),
        ("есікті", None),
        ("ақша", None),
        ("rider", None),
    ],
)
def test_a_known_name_is_found_in_any_case(text, kind):
    known = find_known(tokenise(clean(text)), 0)
    assert (known is None) if kind is None else (known is not None and kind in known.kinds)


def test_an_answer_that_names_no_street_is_taken_as_it_is():
    place = answered_place(read("второй подъезд у мечети", 2, "ru"))
    assert place is not None
    assert (place.text, place.confidence.value) == ("2 подъезд у мечети", "medium")
