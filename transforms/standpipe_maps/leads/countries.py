"""Countries in the forms that people write. Names and codes of ISO 3166 come from pycountry, others from this table."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import pycountry

# Names outside of ISO 3166, folded by `_fold_country`. ISO has no code for Kosovo, so the usual one is used.
NAMES = {
    "GB": "uk|u k|great britain|britain|england|scotland|wales|northern ireland|gb-eng|gb-sct|gb-wls|gb-nir",
    "US": "united states of america|america|usa|u s|u s a|estados unidos",
    "AE": "uae|u a e|emirates|united arab emirates (uae)",
    "RU": "russia|россия",
    "UA": "украіна",
    "SA": "ksa|kingdom of saudi arabia",
    "TR": "turkey|turkiye",
    "NL": "holland|nederland",
    "MO": "macau|macao|macau sar|macao sar|macau sar china|macao sar china",
    "HK": "hong kong sar|hong kong sar china|hongkong|hong kong china",
    "XK": "kosovo|republic of kosovo|xk|xkx",
    "KR": "south korea|korea|korea south|republic of korea",
    "KP": "north korea|korea north|dprk",
    "CZ": "czech republic|czechia|ceska republika|cesko",
    "MK": "macedonia|fyrom|republic of macedonia",
    "CD": "democratic republic of the congo|congo democratic republic of the|democratic republic of congo|"
    "dr congo|drc|d r congo|congo kinshasa|zaire",
    "CG": "republic of congo|republic of the congo|congo brazzaville",
    "CI": "ivory coast|cote d'ivoire",
    "CV": "cape verde",
    "SZ": "swaziland",
    "MM": "burma|myanmar (burma)",
    "TL": "east timor",
    "VA": "vatican|vatican city",
    "PS": "palestine|palestinian territories|palestinian territory",
    "SY": "syria",
    "LA": "laos",
    "IR": "iran",
    "VN": "vietnam|viet nam",
    "BN": "brunei",
    "BO": "bolivia",
    "VE": "venezuela",
    "TZ": "tanzania",
    "MD": "moldova",
    "TW": "taiwan|taiwan roc|chinese taipei",
    "CN": "中国|people's republic of china|prc|mainland china",
    "FM": "micronesia",
    "BA": "bosnia|bosnia and herzegovina|bosnia herzegovina",
    "TT": "trinidad",
    "AG": "antigua",
    "KN": "saint kitts|st kitts|st kitts and nevis|saint kitts and nevis",
    "LC": "st lucia",
    "VC": "st vincent|saint vincent|st vincent and the grenadines",
    "ST": "sao tome",
    "RE": "reunion",
    "CW": "curacao",
    "AX": "aland|aland islands",
    "FK": "falklands|falkland islands",
    "VG": "british virgin islands",
    "VI": "us virgin islands|u s virgin islands",
    "SH": "st helena|saint helena",
    "PM": "st pierre and miquelon",
    "BL": "st barthelemy|saint barthelemy|st barts",
    "MF": "st martin|saint martin",
    "SX": "sint maarten|st maarten",
    "GM": "gambia",
    "BS": "bahamas",
    "IE": "republic of ireland|eire",
    "DE": "deutschland|allemagne",
    "AT": "osterreich",
    "CH": "schweiz|suisse|svizzera",
    "FR": "la france",
    "ES": "espana",
    "IT": "italia",
    "BE": "belgie|belgique",
    "BR": "brasil",
    "MX": "mexico",
    "PE": "peru",
    "PL": "polska",
    "SE": "sverige",
    "NO": "norge",
    "DK": "danmark",
    "FI": "suomi",
    "JP": "nippon|日本",
    "HR": "hrvatska",
    "SI": "slovenija",
    "HU": "magyarorszag",
    "GR": "hellas|ellada",
    "NZ": "aotearoa",
    "IN": "bharat",
}
CODES = {name: code for code, names in NAMES.items() for name in names.split("|")}


@lru_cache(maxsize=1024)
def find_country_code(country: str) -> str | None:
    """Return the two letters of ISO 3166 for ChartMogul, from a name or a code; None if it is not a country."""
    folded = _fold_country(country)
    if folded in CODES:
        return CODES[folded]
    # Other lists use brackets or hyphens where ISO uses a comma or spaces.
    spelt = country.strip().replace(" (", ", ").removesuffix(")")
    spaced = _fold_country(spelt.replace("-", " ").replace("_", " "))
    if spaced in CODES:
        return CODES[spaced]
    for name in (country.strip(), folded, spelt, spaced):
        try:
            found: str = pycountry.countries.lookup(name).alpha_2
        except LookupError:
            continue
        return found
    return None


def _fold_country(country: str) -> str:
    """Return a name without case, accents, dots, a leading article and double spaces."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", country) if not unicodedata.combining(one))
    plain = plain.casefold().replace(".", " ").replace(",", " ").replace("&", " and ").replace("\u2019", "'")
    return " ".join(plain.replace("\u0131", "i").split()).removeprefix("the ")
