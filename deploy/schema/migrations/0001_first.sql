-- +goose Up
-- One text for SQLite and PostgreSQL. Three words differ and are replaced when the file is read (see migrate.go):
--   @id    a generated integer primary key      @json  a JSON document      @blob  bytes
-- Times are UTC, unix milliseconds, in columns named …_at; null = never or not yet. Each table is written by one room alone.

-- ---------------------------------------------------------------- digest
create table sources (
    id            @id,
    kind          text    not null check (kind in ('feed', 'wordpress', 'sitemap', 'pages')),
    url           text    not null unique,      -- what is polled
    former        text    not null default '',  -- addresses it was polled at before, a space after each
    site_url      text    not null default '',
    host          text    not null,             -- host of its articles; the beacon counts only these
    title         text    not null default '',
    language      text    not null default '',  -- BCP 47, prior for its stories
    rights        text    not null default 'quote' check (rights in ('own', 'licensed', 'quote')),
    settings      @json   not null default '{}', -- digest.Settings
    state         text    not null default 'active' check (state in ('active', 'paused', 'failing', 'silent')),
    reason        text    not null default '',  -- why it is failing or silent, in words
    note          text    not null default '',  -- what the collector changed about it by itself, in words
    icon          text    not null default '',  -- PNG of at most 32 pixels to a side, base64
    icon_at       bigint,                       -- when it was looked for
    etag          text    not null default '',
    last_modified text    not null default '',
    body_hash     text    not null default '',
    errors        integer not null default 0,   -- polls in a row that failed
    interval_s    integer not null default 600, -- seconds between polls
    created_at    bigint  not null,
    next_poll_at  bigint  not null,
    last_poll_at  bigint,
    back_at       bigint,                       -- when it was the first that was polled after nobody had asked any for an hour
    last_ok_at    bigint,
    last_new_at   bigint
);
create index sources_due on sources (state, next_poll_at);

create table entries (
    id           @id,
    source_id    bigint  not null references sources (id),
    guid         text    not null,
    article_key  text    not null,              -- article.KeyOf(url)
    url          text    not null,
    title        text    not null,
    author       text    not null default '',
    section      text    not null default '',
    language     text    not null default '',
    summary      text    not null default '',   -- plain text of the feed's own summary
    content      text    not null default '',   -- sanitised HTML of the feed's full text, if any
    image        text    not null default '',
    image_alt    text    not null default '',
    credit       text    not null default '',   -- of the picture
    tags         text    not null default '',   -- the feed's categories, one a line
    state        text    not null check (state in ('new', 'read', 'failed', 'baseline', 'blocked')),
    reason       text    not null default '',
    attempts     integer not null default 0,
    polls        integer not null default 1,    -- polls that listed it
    published_at bigint,                        -- not after seen_at
    undated      boolean not null default false, -- the feed gives no date: published_at is seen_at
    not_before_at bigint,                       -- embargo, or a date in the future
    seen_at      bigint  not null,
    listed_at    bigint  not null,              -- of the last poll that listed it
    withdrawn_at bigint,                        -- the source had it and has it no more, though older ones are still listed
    next_try_at  bigint,
    unique (source_id, guid)
);
create index entries_todo on entries (state, next_try_at);
create index entries_key on entries (article_key);
create index entries_listed on entries (source_id, listed_at);
create index entries_newest on entries (source_id, published_at);

create table stories (
    id           @id,
    article_key  text    not null unique,
    url          text    not null,
    title        text    not null,
    author       text    not null default '',
    source_id    bigint  not null references sources (id),
    source_title text    not null default '',
    language     text    not null default '',
    direction    text    not null default 'ltr' check (direction in ('ltr', 'rtl')),
    section      text    not null default '',
    image        text    not null default '',
    image_alt    text    not null default '',
    rule_flags   text    not null default '',   -- by section, tag and address of this article, space separated
    hand_flags   text    not null default '',   -- by an editor: those to set, and -those to take off
    flags        text    not null default '',   -- what counts: of all its articles, then by hand
    label        text    not null default '',   -- the strictest of them that readers see: paid | satire | opinion | live | ''
    body         text    not null default '',   -- article text, paragraphs by blank lines
    description  text    not null default '',   -- the feed's own summary
    state        text    not null default 'live' check (state in ('live', 'gone', 'blocked', 'merged')),
    merged_into  bigint  references stories (id),
    title_hash   text    not null default '',   -- of the title when last checked
    published_at bigint  not null,
    not_before_at bigint,                       -- embargo
    seen_at      bigint  not null,
    checked_at   bigint,
    boost        integer not null default 100,   -- percent of its score, an editor's
    pinned_until bigint,                         -- an editor wants it first until then
    updated_at   bigint                          -- an editor calls it news again since then
);
create index stories_recent on stories (state, published_at);
create index stories_embargoed on stories (not_before_at) where not_before_at is not null;
create index stories_merged on stories (merged_into);

-- the articles that tell a story: several sources, one story
create table story_members (
    article_key  text   primary key,
    story_id     bigint not null references stories (id),
    entry_id     bigint not null references entries (id),
    url          text   not null,
    why          text   not null default '',    -- why it is the same story, in words
    added_at     bigint not null
);
create index story_members_story on story_members (story_id);
create index story_members_entry on story_members (entry_id);

-- the site's own names of an article (WordPress id, guid, shortlink) → article key
create table article_aliases (
    alias        text   primary key,
    article_key  text   not null
);
create index article_aliases_key on article_aliases (article_key);

-- what the newsroom decided about articles by their address, until it is carried out: they may not be collected yet
create table story_orders (
    id           @id,
    article_key  text   not null,
    site_name    text   not null default '',    -- a number of its site in the address, as in article_aliases
    url          text   not null,
    wants        text   not null,               -- JSON, see digest.Order
    said_by      text   not null,
    said_at      bigint not null,
    matters_at   bigint not null                -- until then at least: when it was said, or the embargo's end where that is later
);

create table newsletters (
    id          @id,
    name        text    not null unique,         -- short name in URLs and on the command line
    version     integer not null default 1,
    spec        @json   not null,                -- digest.Spec
    state       text    not null default 'active' check (state in ('active', 'paused')),
    paused_at   bigint,                          -- since when, while it is paused
    created_at  bigint  not null,
    updated_at  bigint  not null
);
create table newsletter_versions (
    newsletter_id bigint  not null references newsletters (id),
    version       integer not null,
    spec          @json   not null,
    author        text    not null default '',
    created_at    bigint  not null,
    primary key (newsletter_id, version)
);

create table slots (
    id            @id,
    newsletter_id bigint not null references newsletters (id),
    slot_at       bigint not null,
    state         text   not null check (state in ('planned', 'running', 'done', 'skipped', 'missed')),
    reason        text   not null default '',
    started_at    bigint,
    finished_at   bigint,
    unique (newsletter_id, slot_at)
);
create index slots_due on slots (state, slot_at);

create table issues (
    id            @id,
    newsletter_id bigint  not null references newsletters (id),
    slot_id       bigint  unique references slots (id),
    number        integer not null,              -- counts up within the newsletter
    link_key      text    not null,              -- what the link in its mails has beside the number, which anyone can guess
    state         text    not null check (state in ('building', 'draft', 'held', 'approved', 'countdown', 'sending', 'paused', 'sent', 'closed', 'skipped', 'cancelled', 'failed')),
    reason        text    not null default '',
    spec          @json   not null,              -- the newsletter's spec when it was built
    subject       text    not null default '',
    preheader     text    not null default '',
    written_over  @json   not null default '[]', -- ids of the stories that an editor's subject and preheader speak of
    ranked_by     text    not null default '',   -- views | snapshot | date
    views_at      bigint,                        -- newest view counted when it was ranked
    rankings      @json   not null default '{}', -- digest.Ranking of each edition: displaced stories, balance
    revision      integer not null default 0,    -- of the sealed editions
    asked         integer not null default 0,    -- revision that the approvers were called for last
    audience      integer not null default 0,    -- frozen at start
    approved_by   text    not null default '',
    slot_at       bigint  not null,
    created_at    bigint  not null,
    approved_at   bigint,
    starts_at     bigint,                        -- end of the countdown
    at_once       boolean not null default false, -- sent by hand: neither the slot nor waves are waited for
    started_at    bigint,
    sent_at       bigint,
    closed_at     bigint,
    unique (newsletter_id, number)
);
create index issues_state on issues (state, slot_at);
create index issues_newest on issues (slot_at);
create index issues_of on issues (newsletter_id, slot_at);

create table issue_stories (
    issue_id    bigint  not null references issues (id),
    edition     text    not null,                -- name of the edition that shows it
    story_id    bigint  not null references stories (id),
    section     text    not null,                -- trending | rising | latest
    position    integer not null,
    state       text    not null default 'in' check (state in ('in', 'dropped', 'removed')), -- dropped by an editor, removed by rule
    title       text    not null,
    summary     text    not null,
    spans       @json   not null default '[]',   -- byte offsets in the story's body of the sentences the machine chose
    method      text    not null default '',     -- extract | lead | description | headline | none | ai | editor
    method_reason text  not null default '',     -- why this method, for the desk
    ai          boolean not null default false,  -- a language model wrote the summary, or what an editor made of it
    reviewed_by   text  not null default '',     -- the editor who vouches for it
    reviewed_hash text  not null default '',     -- SHA-256 of the summary he read; any other text is not reviewed
    related     @json   not null default '[]',   -- story ids
    reason      text    not null default '',     -- why it stands here, one sentence
    score       @json   not null default '{}',   -- the arithmetic
    edited_by   text    not null default '',     -- title or summary rewritten by
    edited_at   bigint,
    pinned      boolean not null default false,
    no_picture  boolean not null default false,  -- its picture is left out
    original_title   text not null default '',
    original_summary text not null default '',
    original_method  text not null default '',
    primary key (issue_id, edition, story_id)
);
create index issue_stories_of on issue_stories (story_id);

create table editions (
    id          @id,
    issue_id    bigint  not null references issues (id),
    revision    integer not null,
    name        text    not null,                -- as in the spec; text-only ones end in -text
    language    text    not null,
    text_only   boolean not null default false,
    subject     text    not null,
    hash        text    not null,                -- SHA-256 of message, hex
    stories     @json   not null default '[]',   -- story ids in order
    words       text    not null default '',     -- subject and headlines in lower case, for a search
    created_at  bigint  not null,
    message     @blob   not null,                -- MIME with slot markers; it and what follows come last, so that lists need not read past them
    html        text    not null,
    body_text   text    not null,
    unique (issue_id, revision, name)
);

-- what a newsroom takes back of an issue that readers got
create table corrections (
    id           @id,
    issue_id     bigint  not null references issues (id), -- that was wrong
    edition      text    not null,               -- which of its editions, by name
    body         text    not null,
    in_next      boolean not null,               -- readers are told in the newsletter's next issue, beside the archive
    told_in      bigint  references issues (id), -- the issue that has it in its mails, or will
    made_by      text    not null,
    made_at      bigint  not null,
    withdrawn_at bigint                          -- no longer in the archive
);
create index corrections_of on corrections (issue_id);
create index corrections_in on corrections (told_in);

-- answers of the language model, also those that were refused, by what was asked
create table model_answers (
    hash        text    primary key,             -- SHA-256 of model, prompt version and article
    model       text    not null,
    summary     text    not null,                -- '' when it was refused
    refused     text    not null default '',     -- the guard and why
    tokens      bigint  not null default 0,
    cost        bigint  not null default 0,      -- millionths of the price's currency
    answered_at bigint  not null
);
create index model_answers_at on model_answers (answered_at);
-- what the language model has used up, reserved before it is asked
create table model_days (
    day         integer primary key,             -- unix day
    requests    bigint  not null default 0,
    tokens      bigint  not null default 0,
    cost        bigint  not null default 0
);

-- a story counts as used for its newsletter once the first delivery is accepted or uncertain
create table used_stories (
    newsletter_id bigint not null references newsletters (id),
    story_id      bigint not null references stories (id),
    issue_id      bigint not null references issues (id),
    used_at       bigint not null,
    primary key (newsletter_id, story_id)
);

-- view counters of the SQL engine; digest/trend
create table view_hours (
    article_key  text    not null,
    hour         integer not null,               -- unix hour
    views        integer not null,
    primary key (hour, article_key)
);
create table view_days (
    article_key  text    not null,
    day          integer not null,               -- unix day
    views        integer not null,
    primary key (day, article_key)
);
create table view_seen (
    day          integer not null,
    visitor      bigint  not null,               -- salted hash of visitor and article
    primary key (day, visitor)
);
create table view_salts (
    day          integer primary key,
    salt         text    not null                -- hex; deleted after two days
);
-- which process reads a site's own counters, and when it last did
create table view_polls (
    layout       text   primary key,
    owner        text   not null,
    until_at     bigint not null,
    read_at      bigint
);
-- last ranking read from the counters: used when they are out of reach
create table view_snapshots (
    id           integer primary key,
    taken_at     bigint  not null,
    snapshot     @json   not null
);
-- features kept for the nightly fit, truth filled in a day later
create table trend_samples (
    taken_at     bigint  not null,
    samples      @json   not null,
    filled       boolean not null default false,
    primary key (taken_at)
);
create table trend_models (
    id           @id,
    fitted_at    bigint  not null,
    model        @json   not null
);

-- ---------------------------------------------------------------- subscribers
create table lists (
    id          @id,
    name        text    not null unique,
    title       text    not null,
    description text    not null default '',
    language    text    not null default 'en',
    words       @json   not null default '{}',   -- {"ur": {"title": …, "description": …}}: in other languages
    public      boolean not null default true,   -- offered on the sign-up page
    created_at  bigint  not null
);
create table subscribers (
    id          @id,
    email       text    not null,                -- as typed, for sending
    email_key   text    not null unique,         -- canonical, for identity
    name        text    not null default '',
    name_key    text    not null default '',     -- folded in Go, for search and segments
    language    text    not null default '',
    zone        text    not null default '',     -- IANA; '' = the newsletter's
    text_only   boolean not null default false,
    attrs       @json   not null default '{}',
    created_at  bigint  not null,
    updated_at  bigint  not null
);
create table subscriptions (
    list_id       bigint not null references lists (id),
    subscriber_id bigint not null references subscribers (id),
    state         text   not null check (state in ('pending', 'active', 'paused', 'unsubscribed', 'expired')),
    reason        text   not null default '',
    source        text   not null default '',     -- where it was asked for: form, import …
    wording       text   not null default '',     -- version of the words agreed to
    created_at    bigint not null,               -- or asked for again after it had ended
    confirmed_at  bigint,
    ended_at      bigint,
    resume_at     bigint,                        -- a pause ends by itself
    until_at      bigint,                        -- implied consent ends; null = it does not
    changed_at    bigint not null,
    primary key (list_id, subscriber_id)
);
create index subscriptions_of on subscriptions (subscriber_id);
create index subscriptions_changed on subscriptions (changed_at, list_id, state) where state <> 'active'; -- what a list is counted from is in it
create table consents (
    id            @id,
    subscriber_id bigint not null references subscribers (id),
    list_id       bigint references lists (id),
    basis         text   not null check (basis in ('express', 'implied', 'imported')),
    source        text   not null,               -- form, import file, API user …
    wording       text   not null default '',    -- version of the words agreed to
    evidence      text   not null default '',
    until_at      bigint,                        -- implied consent ends
    given_at      bigint not null
);
create index consents_of on consents (subscriber_id);
-- what happened to a subscriber; outlives an erased one (id and kind only), so that running sends hear of it
create table subscriber_events (
    id            @id,
    subscriber_id bigint not null,
    list_id       bigint,
    kind          text   not null,               -- asked added confirmed welcome paused resumed left expired moved changed erased letter, import undone
    detail        text   not null default '',
    actor         text   not null default '',
    happened_at   bigint not null
);
create index subscriber_events_of on subscriber_events (subscriber_id);
create index subscriber_events_at on subscriber_events (kind, happened_at);
-- keys that have signed links; the key file must hold them all
create table link_keys (
    id          text   primary key,
    fingerprint text   not null,                 -- start of the key's SHA-256, hex
    used_at     bigint not null
);
create table segments (
    id          @id,
    name        text   not null unique,
    rule        text   not null,
    created_at  bigint not null,
    updated_at  bigint not null
);
create table suppressions (
    email_key   text   primary key,              -- canonical address, or its hash when forgotten
    reason      text   not null check (reason in ('left', 'hard', 'complaint', 'forgotten', 'manual')),
    beneath     text   not null default '' check (beneath in ('', 'left', 'hard', 'complaint')), -- of a manual one: what stays when it is taken back
    note        text   not null default '',
    delivery_id bigint,
    created_at  bigint not null
);
create index suppressions_at on suppressions (created_at);
-- manual suppressions that an operator took back, so that the journals of all hosts hear of it
create table suppressions_lifted (
    email_hash  text   primary key,
    lifted_at   bigint not null
);
create table imports (
    id          @id,
    file        text   not null,
    list_id     bigint references lists (id),
    source      text   not null,                 -- declared source of consent
    evidence    text   not null default '',
    state       text   not null check (state in ('waiting', 'running', 'done', 'failed', 'undoing', 'undone')),
    report      @json  not null,
    note        text   not null default '',      -- why it failed, or what undoing it did
    undone_by   text   not null default '',
    undone      @json  not null default '{}',    -- subscribers.Undone, so far
    rows_read   integer not null default 0,      -- so far
    beat_at     bigint,                          -- when it was last seen running
    created_by  text   not null default '',
    created_at  bigint not null
);
create table import_files (                       -- until it is imported or thrown away
    import_id   bigint primary key references imports (id),
    content     @blob  not null                  -- gzip
);
create table import_rows (                        -- what an import created, so that it can be undone
    import_id     bigint not null references imports (id),
    subscriber_id bigint not null,
    list_id       bigint,
    created       boolean not null,              -- the subscriber itself is new
    primary key (import_id, subscriber_id)
);
create index import_rows_of on import_rows (subscriber_id);

-- ---------------------------------------------------------------- mailer
-- A list of words after "in" would be a table that SQLite makes for each
-- statement.
create table deliveries (
    id            @id,
    issue_id      bigint  not null,
    subscriber_id bigint  not null,
    edition_id    bigint  not null,
    state         text    not null check (state = 'accepted' or state = 'claimed' or state = 'queued' or state = 'deferred' or state = 'failed'
        or state = 'expired' or state = 'withheld' or state = 'cancelled' or state = 'uncertain' or state = 'parked'),
    reason        text    not null default '',
    owner         text    not null default '',   -- process that claimed it
    fence         bigint  not null default 0,    -- grows with each claim
    attempts      integer not null default 0,
    message_id    text    not null default '',
    edition_hash  text    not null default '',   -- SHA-256 of the edition whose bytes went out
    relay         text    not null default '',
    phase         text    not null default '',
    code          integer not null default 0,    -- SMTP reply code
    enhanced      text    not null default '',   -- RFC 3463
    reply         text    not null default '',   -- at most 256 bytes
    queue_id      text    not null default '',
    was_uncertain boolean not null default false,
    resent        boolean not null default false,
    due_at        bigint  not null,
    expires_at    bigint  not null,
    next_at       bigint  not null,
    date_at       bigint,                        -- Date header, stored at the first turn
    claimed_at    bigint,
    done_at       bigint,
    bounced_at    bigint,
    complained_at bigint,
    unique (issue_id, subscriber_id)
);
-- what is not done with; a claim does not touch it, which lets PostgreSQL update in place
create index deliveries_due on deliveries (next_at, id) where done_at is null;
-- what a ledger is asked for beside the accepted, which nearly all are; what is
-- accepted at its first turn never enters them
create index deliveries_other on deliveries (issue_id, state, subscriber_id, due_at, expires_at) where state <> 'accepted';
create index deliveries_doubtful on deliveries (issue_id, subscriber_id) where was_uncertain;
create index deliveries_reported on deliveries (issue_id) where bounced_at is not null or complained_at is not null;

-- readers of a frozen audience, 250 a row at most; those of them who have no
-- delivery yet are queued or, where the part has an owner, claimed
create table audience_parts (
    id         @id,
    issue_id   bigint  not null,
    edition_id bigint  not null,
    due_at     bigint  not null,
    expires_at bigint  not null,
    first_id   bigint  not null,    -- they lie between these
    last_id    bigint  not null,
    readers    integer not null,    -- how many
    owner      text    not null default '', -- process that claimed it
    claimed_at bigint,
    ids        text    not null     -- of the subscribers, with commas between
);
create index audience_parts_due on audience_parts (due_at, id) where owner = '';
create index audience_parts_of on audience_parts (issue_id, first_id);

create table attempts (
    id          @id,
    delivery_id bigint,
    letter_id   bigint,
    relay       text    not null,
    phase       text    not null,
    code        integer not null,
    enhanced    text    not null default '',
    reply       text    not null default '',
    outcome     text    not null,
    tried_at    bigint  not null
);
create index attempts_of on attempts (delivery_id);
create index attempts_at on attempts (tried_at);

-- at most one message in flight on a connection; written before its body goes out
create table in_flight (
    connection  text   primary key,
    owner       text   not null,
    delivery_id bigint,
    letter_id   bigint,
    part_id     bigint,                           -- of an audience and the reader in it,
    subscriber_id bigint,                         -- where the delivery has no row yet
    fence       bigint not null,
    message_id  text   not null default '',       -- for the second copy, should there be one
    date_at     bigint,
    marked_at   bigint not null
);
create table senders (                            -- one row a sending process
    owner       text    primary key,
    host        text    not null default '',      -- machine, boot and process namespace
    pid         bigint  not null default 0,
    beat_at     bigint  not null
);
-- an issue on its way: whether its deliveries may be claimed
create table sends (
    issue_id    bigint  primary key,
    state       text    not null check (state in ('open', 'paused', 'cancelled')),
    reason      text    not null default '',
    park        boolean not null default false,   -- uncertain deliveries wait for a person instead of being sent again
    audience    integer not null default 0,
    started_at  bigint  not null,
    opens_at    bigint,                          -- nothing begins before
    closes_at   bigint,                          -- nor from here on
    tripped     text    not null default '',     -- why the breaker opened; '' once a person has seen it
    excused_at  bigint,                          -- reports until then do not open it again
    changed_at  bigint  not null
);
-- how many copies of an issue had their first turn, by ten seconds
create table send_turns (
    issue_id    bigint  not null,
    turned_at   bigint  not null,                -- when the ten seconds began
    copies      bigint  not null,
    primary key (issue_id, turned_at)
);

create table letters (
    id            @id,
    kind          text    not null,              -- confirmation | welcome | yours | move | moved | taken | approval | test | seed | alarm | arming | canary
    address       text    not null,
    subscriber_id bigint,                        -- whose address that is
    about_id      bigint,                        -- a subscriber it is about: erased with him, as those to him are
    language      text    not null default '',
    envelope_from text    not null default '',
    message       @blob   not null,              -- as it goes over the wire
    state         text    not null check (state = 'accepted' or state = 'claimed' or state = 'queued' or state = 'deferred' or state = 'failed'
        or state = 'expired' or state = 'withheld' or state = 'cancelled' or state = 'uncertain' or state = 'parked'),
    reason        text    not null default '',
    owner         text    not null default '',
    fence         bigint  not null default 0,
    attempts      integer not null default 0,
    message_id    text    not null default '',
    relay         text    not null default '',
    phase         text    not null default '',
    code          integer not null default 0,
    enhanced      text    not null default '',
    reply         text    not null default '',
    queue_id      text    not null default '',
    was_uncertain boolean not null default false,
    resent        boolean not null default false,
    created_at    bigint  not null,
    expires_at    bigint  not null,
    next_at       bigint  not null,
    claimed_at    bigint,
    done_at       bigint
);
create index letters_due on letters (next_at, id) where done_at is null;
create index letters_done on letters (done_at);
-- those that go with a reader
create index letters_to on letters (subscriber_id);
create index letters_about on letters (about_id);
create index letters_address on letters (lower(address));
create index letters_message on letters (message_id);

-- mail that came back, what it means and what followed; what identifies a reader is his id alone
create table returned_mails (
    id            @id,
    hash          text    not null unique,       -- SHA-256 of recipient and bytes: the same mail counts once
    source        text    not null,              -- smtp | lmtp | imap
    kind          text    not null,              -- bounce | complaint | autoreply | leave | test | none
    class         text    not null default '',   -- hard | soft | sender | complaint | none
    reason        text    not null default '',
    status        text    not null default '',   -- RFC 3463
    reply         text    not null default '',
    diagnostic    text    not null default '',
    delivery_id   bigint,
    letter_id     bigint,
    subscriber_id bigint,
    effect        text    not null default '',   -- what followed, in words
    received_at   bigint  not null
);
create index returned_mails_of on returned_mails (delivery_id);
create index returned_mails_letter on returned_mails (letter_id) where letter_id is not null;
create index returned_mails_at on returned_mails (received_at);
-- the ways by which mail comes back: how far a mailbox was read, and the canary that shows whether they work
create table intakes (
    name        text    primary key,             -- address and folder of a mailbox, or canary
    validity    bigint  not null default 0,      -- IMAP UIDVALIDITY
    uid         bigint  not null default 0,      -- the last that was taken
    sent_at     bigint,                          -- of the last canary
    ok_until    bigint,                          -- how long its return is good for
    checked_at  bigint
);

-- switches of sending: armed (value: host and sender domain), arming (value: hash of the code in the test mail), stopped (value: why)
create table switches (
    name        text   primary key,
    value       text   not null,
    set_by      text   not null default '',
    set_at      bigint not null
);
create table relay_health (
    relay       text   primary key,
    state       text   not null check (state in ('up', 'down')),
    reason      text   not null default '',
    failures    integer not null default 0,
    retry_at    bigint,
    changed_at  bigint not null
);

-- messages given to relays that have a quota, by unix minute; minute 0 is a lock
create table relay_use (
    relay       text   not null,
    minute      bigint not null,
    taken       bigint not null,
    primary key (relay, minute)
);
-- mailbox operators who asked a relay for less, when last
create table relay_paces (
    relay       text   not null,
    operator    text   not null,
    rate        double precision not null,       -- messages a second
    reason      text   not null,
    changed_at  bigint not null,
    primary key (relay, operator)
);

-- ---------------------------------------------------------------- installation: who may use the desk, what needs a person
create table users (
    id          @id,
    email       text   not null unique,
    name        text   not null default '',
    role        text   not null check (role in ('viewer', 'editor', 'approver', 'list admin', 'operator')),
    created_at  bigint not null,
    seen_at     bigint
);
create table sign_in_links (
    token_hash  text   primary key,              -- SHA-256 of the token, hex
    user_id     bigint not null references users (id),
    created_at  bigint not null,
    expires_at  bigint not null,
    used_at     bigint
);
create table sessions (
    token_hash  text   primary key,
    user_id     bigint not null references users (id),
    created_at  bigint not null,
    expires_at  bigint not null
);
create table tokens (                             -- of programs that call the API
    id          @id,
    name        text   not null unique,
    token_hash  text   not null unique,          -- SHA-256 of the token, hex
    role        text   not null check (role in ('viewer', 'editor', 'approver', 'list admin', 'operator')),
    made_by     text   not null,
    created_at  bigint not null,
    expires_at  bigint,                          -- null = never
    used_at     bigint                           -- to the minute
);
create table alarms (
    id          @id,
    kind        text    not null,
    subject     text    not null,
    detail      text    not null default '',
    count       integer not null default 1,
    opened_at   bigint  not null,
    closed_at   bigint,
    closed_why  text    not null default ''     -- when it is about nothing any more; '' = it was over
);
create unique index alarms_open on alarms (kind, subject) where closed_at is null;
-- what surrounds us and was in order once: only such a thing can be lost
create table known_good (
    kind        text    not null,                -- address | dns | views
    subject     text    not null,
    seen_at     bigint  not null,                -- when last
    lost_at     bigint,                          -- an alarm tells of its loss
    primary key (kind, subject)
);
create table audit (
    id          @id,
    actor       text   not null,
    action      text   not null,
    object      text   not null default '',
    detail      text   not null default '',
    done_at     bigint not null
);
create index audit_object on audit (lower(object)); -- of an address that is erased

-- +goose Down
select 1;
