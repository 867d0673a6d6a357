"""What the workspace has written: articles public and internal, help centres, news, and what its AI agent reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.intercom.library_draw import Document, Draw

COLLECTIONS, ARTICLES, INTERNAL, NEWS, FEEDS, SOURCES, PAGES = 30, 64, 40, 36, 24, 24, 60
URL = "https://help.sandbox.example/en"


def help_centers(draw: Draw) -> Iterator[Document]:
    """One that is open, one that is not yet."""
    for number, name in enumerate(("sandbox", "sandbox-labs"), 1):
        yield {
            "id": str(70 + number),
            "workspace_id": draw.app_id,
            "identifier": name,
            "website_turned_on": number == 1,
            "display_name": name.replace("-", " ").title(),
            "url": f"https://{name}.help.example",
            "custom_domain": None,
            **draw.stamps(),
        }


def collections(draw: Draw) -> Iterator[Document]:
    """The first ten stand at the top, the others below one of them."""
    for number in range(COLLECTIONS):
        collection_id = 2000 + number
        yield {
            "id": str(collection_id),
            "workspace_id": draw.app_id,
            "name": f"All about {draw.topic(number)}",
            "description": f"What to know of {draw.topic(number)}",
            "url": f"{URL}/collections/{collection_id}",
            "icon": "bookmark",
            "order": number,
            "default_locale": "en",
            "translated_content": None,
            "parent_id": None if number < 10 else str(2000 + number % 10),  # noqa: PLR2004 - see above
            "help_center_id": int(draw.one_of("help_centers")),
            **draw.stamps(),
        }


def articles(draw: Draw) -> Iterator[Document]:
    """Published ones with a URL, and some drafts."""
    for number in range(ARTICLES):
        article_id, collection = 9_100_000 + number, int(draw.one_of("collections"))
        state = draw.pick(("published", "published", "published", "draft"))
        yield {
            "type": "article",
            "id": str(article_id),
            "workspace_id": draw.app_id,
            "title": f"How {draw.topic(number)} work, part {number // 12 + 1}",
            "description": "",
            "body": f"<p>All there is to say of {draw.topic(number)}.</p>",
            "author_id": int(draw.one_of("admins")),
            "state": state,
            "url": f"{URL}/articles/{article_id}" if state == "published" else None,
            "parent_id": collection,
            "parent_ids": [collection],
            "parent_type": "collection",
            "default_locale": "en",
            "translated_content": None,
            **draw.stamps(),
        }


def article_statistics(article: Document) -> dict[str, Any]:
    """How often an article was read: only its own page shows it."""
    views = int(article["id"]) % 997 if article["state"] == "published" else 0
    shares = (50.0, 30.0, 20.0) if views else (0.0, 0.0, 0.0)
    names = ("happy_reaction_percentage", "neutral_reaction_percentage", "sad_reaction_percentage")
    return {
        "type": "article_statistics",
        "views": views,
        "conversions": views // 20,
        "reactions": views // 10,
        **dict(zip(names, shares, strict=True)),
    }


def internal_articles(draw: Draw) -> Iterator[Document]:
    """For the staff alone."""
    for number in range(INTERNAL):
        yield {
            "type": "internal_article",
            "id": str(39_000 + number),
            "title": f"Playbook {number}: {draw.topic(number)}",
            "body": f"<p>What to answer when asked about {draw.topic(number)}.</p>",
            "owner_id": int(draw.one_of("admins")),
            "author_id": int(draw.one_of("admins")),
            "locale": "en",
            **draw.stamps(),
        }


def newsfeeds(draw: Draw) -> Iterator[Document]:
    """Who sees which news."""
    for number in range(FEEDS):
        yield {"id": str(150 + number), "type": "newsfeed", "name": f"News for {draw.topic(number)}", **draw.stamps()}


def news_items(draw: Draw) -> Iterator[Document]:
    """Live ones are in one or two feeds."""
    for number in range(NEWS):
        stamps, state = draw.stamps(), draw.pick(("live", "live", "draft"))
        feeds = draw.random.sample(list(draw.made["newsfeeds"]), draw.random.randint(1, 2)) if state == "live" else []
        yield {
            "type": "news-item",
            "id": str(33_000 + number),
            "workspace_id": draw.app_id,
            "title": f"News of {draw.topic(number)}",
            "body": f"<p>{draw.topic(number).capitalize()}, better than ever.</p>",
            "sender_id": int(draw.one_of("admins")),
            "state": state,
            "newsfeed_assignments": [{"newsfeed_id": int(one), "published_at": stamps["created_at"]} for one in feeds],
            "labels": ["Product", "Update"][: number % 3],
            "cover_image_url": None,
            "reactions": ["😆", "😅"],
            "deliver_silently": number % 2 == 0,
            **stamps,
        }


def content_import_sources(draw: Draw) -> Iterator[Document]:
    """Where the AI agent's pages come from."""
    for number in range(SOURCES):
        stamps = draw.stamps()
        yield {
            "type": "content_import_source",
            "id": 33 + number,
            "last_synced_at": stamps["updated_at"],
            "sync_behavior": draw.pick(("api", "automatic", "manual")),
            "status": draw.pick(("active", "active", "deactivated")),
            "url": f"https://docs{number}.sandbox.example",
            **stamps,
        }


def external_pages(draw: Draw) -> Iterator[Document]:
    """What the AI agent reads."""
    for number in range(PAGES):
        stamps = draw.stamps()
        yield {
            "type": "external_page",
            "id": str(21_000 + number),
            "title": f"Page {number}: {draw.topic(number)}",
            "html": f"<h1>{draw.topic(number)}</h1>",
            "url": f"https://docs.sandbox.example/{number}",
            "ai_agent_availability": True,
            "ai_copilot_availability": True,
            "fin_availability": True,
            "locale": "en",
            "source_id": int(draw.one_of("content_import_sources")),
            "external_id": f"page-{number}",
            "last_ingested_at": stamps["updated_at"],
            **stamps,
        }


MAKERS: dict[str, Callable[[Draw], Iterator[Document]]] = {
    "help_centers": help_centers,
    "collections": collections,
    "articles": articles,
    "internal_articles": internal_articles,
    "newsfeeds": newsfeeds,
    "news_items": news_items,
    "content_import_sources": content_import_sources,
    "external_pages": external_pages,
}
