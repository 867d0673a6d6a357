"""The domain that belongs to a company, taken from its website, and which domains are shared by strangers. Pure.

The public suffix list comes with the package `publicsuffixlist`: nothing is asked of the network. https://publicsuffix.org
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

#: Brands that give mailboxes away or rent them to anybody, under whatever country's suffix.
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
#: Brands that host the pages of anybody, under whatever country's suffix.
_HOST_BRANDS = """
    airbnb alibaba aliexpress amazon apple behance blogger blogspot bluesky booking craigslist crunchbase discord
    dribbble ebay etsy facebook flickr github gitlab glassdoor google gumroad indeed instagram jimdo kickstarter
    linkedin linktree livejournal mailchimp mastodon medium meetup mercadolibre mercadolivre microsoft myspace nextdoor
    odnoklassniki patreon pinterest producthunt quora reddit rumble shopify slack snapchat soundcloud spotify
    squarespace stackoverflow strikingly substack telegram threads tiktok tripadvisor trustpilot tumblr twitch twitter
    udemy upwork vimeo vk vkontakte webnode weebly weibo whatsapp wikipedia wix wordpress xing yelp youtube
"""
_HOST_DOMAINS = """
    500px.com about.me acuityscheduling.com allmylinks.com angel.co angellist.com beacons.ai beacons.page bento.me
    bigcartel.com bio.link bio.site biolinky.co bit.ly bsky.app builderall.com business.site calendly.com campsite.bio
    canva.com canva.site carrd.co clickfunnels.com cutt.ly discord.gg doordash.com duda.co dropbox.com
    dorik.io ecwid.com eventbrite.com fb.com fb.me figma.com fiverr.com flow.page format.com framer.com
    framer.website freelancer.com ghost.io giphy.com glide.page godaddysites.com goo.gl gofundme.com groupon.com
    heylink.me homestead.com houzz.com hoo.be ig.me imgur.com instabio.cc instagr.am issuu.com jimdofree.com
    jimdosite.com kajabi.com ko-fi.com koji.to leadpages.co line.me lnk.bio lnk.to linkin.bio linkpop.com linkr.bio
    linktr.ee list-manage.com lnkd.in m.me manychat.com milkshake.app msha.ke mystrikingly.com notion.site notion.so
    ok.ru onlyfans.com opentable.com page.link pagecloud.com pory.io pixpa.com podia.com portfoliobox.net prezi.com
    rebrand.ly shor.by shopee.com sitey.me site123.me slideshare.net smugmug.com snipfeed.co softr.app solo.to
    stan.store strava.com super.site t.co t.me taplink.cc taplink.ws teachable.com thinkific.com thumbtack.com
    tilda.cc tilda.ws tiny.cc tinyurl.com toasttab.com typeform.com ucoz.com ueniweb.com unicornplatform.com
    viber.com vsco.co wa.me webador.com webflow.com webflow.io websites.co.in wikidot.com wixsite.com wixstudio.com
    wordpress.com x.com yellowpages.com yola.com yolasite.com zeef.com zyrosite.com
"""
_SHARED_BRANDS = frozenset(f"{_MAIL_BRANDS} {_HOST_BRANDS}".split())
_SHARED_DOMAINS = frozenset(f"{_MAIL_DOMAINS} {_HOST_DOMAINS}".split())


def find_domain(website: str) -> str:
    """Return the registrable domain of a website; empty where it is nobody's own.

    Nobody's own are the hosts of social networks, link pages, site builders and mail providers, everything below a
    suffix that a company lends out (`github.io`), addresses of machines, and hosts without a suffix.
    """
    host = _find_host(website)
    suffixes, official = _suffix_lists()
    domain = official.privatesuffix(host) if host else None
    if domain is None or suffixes.publicsuffix(host) != official.publicsuffix(host):
        return ""
    if domain in _SHARED_DOMAINS or domain.partition(".")[0] in _SHARED_BRANDS:
        return ""
    return str(domain)


def _find_host(website: str) -> str:
    """Return the host of a website in its ASCII form, empty for what has none and for a machine's address."""
    website = website.strip()
    try:
        host = urlsplit(website if "//" in website else f"//{website}").hostname or ""
        name = host.strip(".").encode("idna").decode("ascii").lower()
    except ValueError:
        return ""
    return "" if _is_address(name) else name


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@cache
def _suffix_lists() -> tuple[PublicSuffixList, PublicSuffixList]:
    """Return the whole list, and its official part without the suffixes that companies lend out."""
    return PublicSuffixList(), PublicSuffixList(only_icann=True)
