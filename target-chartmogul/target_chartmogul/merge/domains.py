"""The domain of a company, taken from its website, and the domains that strangers share. Pure.

The public suffix list comes with the package `publicsuffixlist`, so the network is not needed. https://publicsuffix.org
Hosts are encoded as browsers do it, by the package `idna`, which rejects what cannot be a host.
"""

from __future__ import annotations

from functools import cache
from urllib.parse import urlsplit

import idna
from publicsuffixlist import PublicSuffixList

#: Brands that give mailboxes to anybody, under any country's suffix.
_MAIL_BRANDS = """
    aim aol fastmail gmail gmx googlemail hotmail icloud live mailinator msn naver outlook proton protonmail
    rediffmail rocketmail tutanota yahoo yandex ymail zoho
"""
_MAIL_DOMAINS = """
    1und1.de 126.com 139.com 163.com 189.cn abv.bg alice.it arcor.de att.net bbox.fr bell.net bellsouth.net bigpond.com
    bigpond.net.au blueyonder.co.uk bluewin.ch bol.com.br btinternet.com centrum.cz centurylink.net charter.net
    chello.at chello.nl club-internet.fr comcast.net cox.net daum.net duck.com earthlink.net eircom.net email.com
    email.cz embarqmail.com fastwebnet.it foxmail.com free.fr freenet.de frontier.com frontiernet.net globo.com
    hanmail.net hetnet.nl hey.com home.nl hushmail.com ig.com.br inbox.com inbox.lv inbox.ru interia.pl juno.com
    kpnmail.nl laposte.net libero.it list.ru lycos.com mac.com mail.com mail.ru me.com mindspring.com netscape.net
    netzero.net neuf.fr ntlworld.com numericable.fr o2.pl onet.pl online.de online.no optimum.net optonline.net
    optusnet.com.au orange.fr orange.net planet.nl pm.me posteo.de prodigy.net proximus.be qq.com rambler.ru
    rcn.com roadrunner.com rogers.com rr.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com
    skynet.be sohu.com suddenlink.net sympatico.ca t-online.de talktalk.net telefonica.net telenet.be telus.net
    terra.com.br tin.it tiscali.co.uk tiscali.it tlen.pl tpg.com.au tuta.io uol.com.br verizon.net videotron.ca
    virgilio.it virginmedia.com vodafone.de volny.cz wanadoo.fr web.de windstream.net wp.pl xs4all.nl xtra.co.nz
    ziggo.nl
"""
#: Brands that host anybody's pages, under any country's suffix.
_HOST_BRANDS = """
    airbnb airtable alibaba aliexpress amazon apple atlassian behance bitbucket blogger blogspot bluehost bluesky
    booking capterra craigslist crunchbase discord dribbble ebay etsy facebook flickr foursquare freshdesk github gitlab
    glassdoor gofundme google gumroad homeadvisor hubspot huggingface indeed indiamart instagram jimdo justdial
    kickstarter linkedin linktree livejournal mailchimp mapquest mastodon medium meetup mercadolibre mercadolivre
    microsoft myspace nextdoor npmjs odnoklassniki opencorporates patreon pinterest producthunt quora reddit rumble
    salesforce sharepoint shopify slack snapchat soundcloud spotify squarespace stackoverflow strikingly substack
    telegram threads tiktok tradeindia trello tripadvisor trustpilot tumblr twitch twitter typepad udemy upwork vagaro
    vimeo vk vkontakte webnode weddingwire weebly weibo whatsapp wikipedia wix wordpress xing yelp youtu youtube zendesk
    zillow zoominfo
"""
_HOST_DOMAINS = """
    500px.com a.co about.me acuityscheduling.com allmylinks.com amzn.to angel.co angellist.com angi.com bbb.org
    beacons.ai beacons.page bento.me bigcartel.com bio.link bio.site biolinky.co bit.ly booksy.com bsky.app bubble.io
    buff.ly builderall.com business.page business.site calendly.com campsite.bio canva.com canva.site cargo.site
    carrd.co clickfunnels.com clutch.co company.site cutt.ly discord.gg docsend.com doordash.com dorik.io dropbox.com
    duda.co ecwid.com eventbrite.com fb.com fb.me figma.com fiverr.com flow.page format.com framer.com framer.website
    freelancer.com fresha.com g.co g.page g2.com ghost.io giphy.com glide.page godaddysites.com gofundme.com
    gohighlevel.com goo.by goo.gl groupon.com heylink.me homestead.com hoo.be hostingersite.com houzz.com hs-sites.com
    hubspotpagebuilder.com ig.me imgur.com instabio.cc instagr.am intercom.help is.gd issuu.com jimdofree.com
    jimdosite.com kajabi.com kinsta.cloud ko-fi.com koji.to leadpages.co line.me linkin.bio linkin.me linkpop.com
    linkr.bio linktr.ee list-manage.com lnk.bio lnk.to lnkd.in loom.com m.me mailchimpsites.com manychat.com
    milkshake.app msgsndr.com msha.ke mybigcommerce.com myfreesites.net myportfolio.com mystrikingly.com negocio.site
    notion.com notion.site notion.so ok.ru onlyfans.com onmicrosoft.com opentable.com over-blog.com ow.ly page.link
    pagecloud.com pixieset.com pixpa.com podia.com portfoliobox.net pory.io prezi.com pypi.org rb.gy realtor.com
    rebrand.ly salesforce-sites.com shop.app shopee.com shor.by site123.me sitey.me slideshare.net smugmug.com
    snipfeed.co softr.app solo.to square.site stan.store storenvy.com strava.com streamlit.app super.site systeme.io
    t.co t.me taplink.cc taplink.ws teachable.com theknot.com thinkific.com thrivecart.com thumbtack.com tilda.cc
    tilda.ws tiny.cc tinyurl.com toasttab.com typeform.com ucoz.com ueniweb.com unicornplatform.com urlgeni.us viber.com
    vsco.co wa.me webador.com webflow.com webflow.io webs.com websites.co.in wikidot.com wixsite.com wixstudio.com
    wordpress.com wpengine.com x.com yellowpages.com yola.com yolasite.com zeef.com zohosites.com zoom.com zoom.us
    zyrosite.com
"""
#: What people without a website or an address enter for it.
_PLACEHOLDER_DOMAINS = """
    aaa.com abc.xyz asd.com asdf.com company.com domain.com email.email example.com example.net example.org fake.com
    mycompany.com mydomain.com mysite.com mywebsite.com n-a.com na.com no.com noemail.com nomail.com none.com
    nosite.com notapplicable.com nowebsite.com null.com placeholder.com sample.com site.com test.com test.de test.test
    tbd.com unknown.com website.com yourcompany.com yourdomain.com yoursite.com yourwebsite.com
"""
_PLACEHOLDER_MAILBOXES = """
    a abc asdf email example fake na no noemail nomail none noreply null test x
"""
#: Suffixes of private networks, as any office may have an `intranet.local`.
_PRIVATE_SUFFIXES = frozenset({"corp", "home", "internal", "intranet", "lan", "local", "localdomain", "localhost"})
_SHARED_BRANDS = frozenset(f"{_MAIL_BRANDS} {_HOST_BRANDS}".split())
_PLACEHOLDERS = frozenset(_PLACEHOLDER_DOMAINS.split())
_PLACEHOLDER_NAMES = frozenset(_PLACEHOLDER_MAILBOXES.split())
_SHARED_DOMAINS = frozenset(f"{_MAIL_DOMAINS} {_HOST_DOMAINS} {_PLACEHOLDER_DOMAINS}".split())


def find_domain(website: str) -> str:
    """Return the registrable domain of a website; empty where it does not identify a company.

    No company is identified by the hosts of social networks, link pages, site builders and mail providers, by anything
    below a suffix that a company lends out (`github.io`), by IP addresses, by hosts without a suffix or in a private
    network, or by what people write who have no website (`example.com`).
    """
    host = _find_host(website)
    suffixes, official = _load_suffix_lists()
    domain = official.privatesuffix(host) if host else None
    if domain is None or suffixes.publicsuffix(host) != official.publicsuffix(host):
        return ""
    return "" if _is_shared(domain) else str(domain)


def find_mailbox(email: str) -> str:
    """Return an e-mail address in the form for comparisons.

    Empty for other text, and for what people without one enter.
    """
    address = email.strip().casefold()
    mailbox, at, host = address.rpartition("@")
    if not (mailbox and at and "." in host) or host in _PLACEHOLDERS:
        return ""
    return "" if mailbox in _PLACEHOLDER_NAMES and _is_shared(host) else address


def _is_shared(domain: str) -> bool:
    return domain in _SHARED_DOMAINS or domain.partition(".")[0] in _SHARED_BRANDS


def _find_host(website: str) -> str:
    """Return the ASCII form of a website's host; empty without one, for an IP address and for a private network."""
    website = website.strip()
    try:
        host = urlsplit(website if "//" in website else f"//{website}").hostname or ""
        name = idna.encode(host.strip("."), uts46=True).decode("ascii")
    except ValueError:
        return ""
    suffix = name.rpartition(".")[2]
    return "" if suffix in _PRIVATE_SUFFIXES or suffix.isdecimal() else name


@cache
def _load_suffix_lists() -> tuple[PublicSuffixList, PublicSuffixList]:
    """Return the whole list, and its official part without the suffixes of hosting companies."""
    return PublicSuffixList(), PublicSuffixList(only_icann=True)
