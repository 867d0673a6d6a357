"""Names of people, companies and places."""

from __future__ import annotations

FIRST_NAMES = """
    Ada Alan Amara Anna Aiko Ben Bruno Carla Chidi Chloé Clara Daniel Diego Dora Edsger Elif Emma Eva Farid Femi
    Grace Hana Hedy Hugo Ida Igor Ines Ivan Jack Jana João John Jonas Julia Kenji Lara Lena Leo Lin Luca Maja
    Marie Mateo Maya Mei Mila Nadia Nina Noor Olga Omar Oscar Paula Pedro Priya Ravi Rosa Sara Sven Tomas Uma
    Vera Yuki Zoë
""".split()  # noqa: SIM905 words read better than quotes
LAST_NAMES = """
    Abe Adeyemi Almeida Bauer Becker Berg Bianchi Brown Chen Costa Dubois Evans Ferrari Fischer García Gruber
    Haddad Hansen Hoffmann Ito Ivanova Jensen Kaya Keller Khan Kim Kovács Larsen Lopez Martin Meyer Moreau
    Müller Nakamura Novak O'Brien Okafor Olsen Patel Pereira Petrov Rossi Sánchez Sato Schmidt Silva Singh Smith
    Suzuki Takahashi Tanaka Torres Turner van-Dijk Wagner Weber Wilson Wood Yilmaz Young Zhang Žižek
""".split()  # noqa: SIM905 words read better than quotes
COMPANY_NAMES = """
    Acorn Alder Amber Aspen Beacon Birch Bluebird Cedar Cobalt Comet Coral Delta Ember Falcon Fjord Harbor Hazel
    Indigo Iris Juniper Kestrel Lark Linden Lotus Maple Meadow Nimbus Northwind Olive Onyx Opal Orchard Otter
    Pine Quartz Raven Ridge River Rowan Saffron Sparrow Summit Tern Thistle Violet Willow Wren
""".split()  # noqa: SIM905 words read better than quotes
COMPANY_KINDS = """
    Analytics Bakery Books Clinic Cloud Coffee Design Digital Dental Energy Foods Games Garden Health Hotels
    Labs Logistics Media Mobility Music Partners Press Robotics School Software Sports Studio Systems Travel
    Works
""".split()  # noqa: SIM905 words read better than quotes
COMPANY_FORMS = ("Ltd", "GmbH", "Inc", "SARL", "BV", "KK")

PLACES = (
    ("US", "New York", "NY", "New York", "10013", "Lafayette Street", "+1", "en-US"),
    ("US", "Austin", "TX", "Texas", "78701", "Congress Avenue", "+1", "en-US"),
    ("GB", "Leeds", "", "", "LS1 4DY", "Wellington Street", "+44", "en-GB"),
    ("DE", "Köln", "", "", "50667", "Hohe Straße", "+49", "de"),
    ("FR", "Lyon", "", "", "69002", "Rue de la République", "+33", "fr"),
    ("NL", "Utrecht", "", "", "3511 LX", "Oudegracht", "+31", "nl"),
    ("JP", "Osaka", "27", "Osaka", "530-0001", "Umeda", "+81", "ja"),
    ("ES", "València", "", "", "46002", "Carrer de Colom", "+34", "es"),
)
"""Country, city, state code, state, postcode, street, dialling code, locale."""
