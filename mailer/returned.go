package mailer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/mailer/bounce"
	"pressrun/mailer/intake"
	"pressrun/templates"
)

// Trace is what a signed address or link of ours says, in which mail came back.
type Trace struct {
	Kind             TraceKind
	Delivery, Letter int64
	Subscriber, List int64     // of a request to leave; List 0 means all
	At               time.Time // of a canary
	Test             bool      // of a test mail: it changes nothing
}

// TraceKind says what the address or link was for.
type TraceKind string

// The kinds.
const (
	TraceDelivery TraceKind = "delivery" // return path of a delivery
	TraceLetter   TraceKind = "letter"   // return path of a letter
	TraceLeave    TraceKind = "leave"    // List-Unsubscribe
	TraceFeedback TraceKind = "feedback" // where feedback loops report to
	TraceCanary   TraceKind = "canary"   // our own letter to ourselves
)

// Returned is one mail that came back.
type Returned struct {
	ID         int64     `json:"id"`
	Source     string    `json:"source"` // smtp | lmtp | imap, or the sending service that told it
	Kind       string    `json:"kind"`   // bounce | complaint | autoreply | leave | test | none
	Class      string    `json:"class"`  // as package bounce has it; none for a warning
	Reason     string    `json:"reason"` // one word
	Status     string    `json:"status"`
	Reply      string    `json:"reply"`
	Diagnostic string    `json:"diagnostic"` // what the other side said, addresses left out
	Delivery   int64     `json:"delivery,omitempty"`
	Letter     int64     `json:"letter,omitempty"`
	LetterKind string    `json:"letter_kind,omitempty"` // while the letter is kept; LetterTo also says to whom it was
	LetterTo   string    `json:"-"`
	Subscriber int64     `json:"subscriber,omitempty"` // 0 = not known
	Effect     string    `json:"effect"`               // what followed, in words
	At         time.Time `json:"received_at"`
}

// Kinds of a Returned that package bounce does not know.
const (
	kindLeave = "leave"
	kindTest  = "test"
)

// TakeReturned deals with a mail that came back, once however often it comes: the
// fact on its delivery, and what follows from it, in one transaction. It may be
// called concurrently.
func (m *Mailer) TakeReturned(ctx context.Context, in intake.Mail) error {
	trace := m.traceOf(in)
	if trace.Kind == TraceCanary {
		return m.canaryBack(ctx, trace.At)
	}
	report := verdictOf(bounce.Classify(in.Raw))
	return m.take(ctx, in.Source, strings.ToLower(in.To)+"\n"+string(in.Raw), report, func(tx *sql.Tx, r *Returned) (int64, Trace, error) {
		issue, err := m.identify(ctx, tx, r, trace, in, report)
		return issue, trace, err
	})
}

// TakeEvent deals with what a sending service tells of a mail, as TakeReturned
// does: of the delivery that its Message-ID or, where the service gave the mail
// another, the recipient's newest one.
func (m *Mailer) TakeEvent(ctx context.Context, provider string, e bounce.Event) error {
	once := e.ID
	if once == "" {
		once = fmt.Sprintf("%+v", e.Report)
	}
	return m.take(ctx, provider, provider+"\n"+once, e.Report, func(tx *sql.Tx, r *Returned) (issue int64, t Trace, err error) {
		if err = m.byMessageID(ctx, tx, r, e.MessageID); err == nil && r.Delivery+r.Letter == 0 && m.ReaderAt != nil {
			if r.Subscriber, err = m.ReaderAt(ctx, tx, e.Recipient); err == nil && r.Subscriber != 0 {
				r.Delivery, err = m.newestOf(ctx, tx, r.Subscriber)
			}
		}
		if err != nil || r.Delivery+r.Letter == 0 {
			return 0, t, err
		}
		issue, err = m.about(ctx, tx, r)
		return issue, t, err
	})
}

// take writes a report down, unless what it is known by has been dealt with, and
// does what follows.
func (m *Mailer) take(ctx context.Context, source, known string, report bounce.Report, identify func(*sql.Tx, *Returned) (issue int64, t Trace, err error)) error {
	sum := sha256.Sum256([]byte(known))
	r := Returned{
		Source: source, Kind: report.Kind, Class: string(report.Class), Reason: report.Reason, Status: report.Status, Reply: report.Reply,
		Diagnostic: nameless(report.Diagnostic), At: m.now(),
	}
	if report.Delayed {
		r.Class = string(bounce.None)
	}
	err := m.DB.InTx(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `
			insert into returned_mails (hash, source, kind, class, reason, status, reply, diagnostic, received_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (hash) do nothing returning id`,
			hex.EncodeToString(sum[:]), r.Source, r.Kind, r.Class, r.Reason, r.Status, r.Reply, r.Diagnostic, schema.At(r.At)).Scan(&r.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		issue, trace, err := identify(tx, &r)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update returned_mails set delivery_id = $2, letter_id = $3, subscriber_id = $4 where id = $1`,
			r.ID, orNull(r.Delivery), orNull(r.Letter), orNull(r.Subscriber))
		if err != nil {
			return err
		}
		if r.Effect, err = m.follow(ctx, tx, &r, trace, report, issue); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update returned_mails set kind = $2, class = $3, reason = $4, effect = $5 where id = $1`, r.ID, r.Kind, r.Class, r.Reason, r.Effect)
		return err
	})
	if err != nil {
		return fmt.Errorf("take a mail that came back: %w", err)
	}
	if r.ID == 0 {
		return nil // it had been dealt with
	}
	m.log().Info("mail came back", "source", r.Source, "kind", r.Kind, "class", r.Class, "reason", r.Reason, "delivery", r.Delivery, "effect", r.Effect)
	return nil
}

var addresses = regexp.MustCompile(`[^\s<>"(),;:\[\]]+@[^\s<>"(),;:\[\]]+`)

// nameless is what another system says without the addresses in it: the reader's id
// is enough to know who it is about, and outlives him no longer than it may.
func nameless(said string) string {
	if !strings.Contains(said, "@") { // as hardly any reply
		return said
	}
	return addresses.ReplaceAllString(said, "…")
}

func orNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// traceOf reads the address that a mail came back to.
func (m *Mailer) traceOf(in intake.Mail) Trace {
	if m.ReadTrace == nil {
		return Trace{}
	}
	texts := []string{in.To}
	if in.To == "" {
		texts = bounce.Envelope(in.Raw)
	}
	for _, text := range texts {
		if t, ok := m.ReadTrace(text); ok {
			return t
		}
	}
	return Trace{}
}

// verdictOf is the one report that counts. Each of our mails has one recipient,
// so several reports are about addresses behind it: while one of them is not
// hard, somebody may still read.
func verdictOf(reports []bounce.Report) bounce.Report {
	severity := map[bounce.Class]int{bounce.None: 0, bounce.Soft: 1, bounce.Sender: 1, bounce.Hard: 2}
	best := reports[0]
	for _, r := range reports {
		if r.Kind == bounce.KindComplaint && r.Class == bounce.Complaint {
			return r
		}
		if r.Kind == bounce.KindBounce && (best.Kind != bounce.KindBounce || severity[r.Class] < severity[best.Class]) {
			best = r
		}
	}
	return best
}

// identify finds the delivery or letter a mail is about, and its subscriber: by
// the address it came to, else by what it quotes. It returns the issue.
func (m *Mailer) identify(ctx context.Context, tx *sql.Tx, r *Returned, t Trace, in intake.Mail, report bounce.Report) (issue int64, err error) {
	if t.Kind == TraceLeave {
		r.Subscriber = t.Subscriber
		return 0, nil
	}
	if t.Kind == "" || t.Kind == TraceFeedback {
		for _, text := range bounce.Traces(in.Raw) {
			if found, ok := m.readTrace(text); ok && found.Kind != TraceFeedback && found.Kind != TraceCanary {
				t = found
				break
			}
		}
	}
	switch {
	case t.Kind == TraceDelivery:
		r.Delivery = t.Delivery
	case t.Kind == TraceLetter:
		r.Letter = t.Letter
	case t.Test:
		r.Kind = kindTest
		return 0, nil
	case t.Kind == TraceLeave:
		r.Subscriber = t.Subscriber
	}
	if r.Delivery+r.Letter == 0 {
		if err := m.byMessageID(ctx, tx, r, report.MessageID); err != nil {
			return 0, err
		}
	}
	if r.Delivery+r.Letter == 0 {
		return 0, nil
	}
	return m.about(ctx, tx, r)
}

// about fills in whom the delivery or letter of r was for, and returns its issue;
// what is not in the ledger is taken out of r.
func (m *Mailer) about(ctx context.Context, tx *sql.Tx, r *Returned) (issue int64, err error) {
	// One that was in flight when its process ended has no row until that is taken over.
	query := `select coalesce(subscriber_id, 0), issue_id from deliveries where id = $1
		union all select f.subscriber_id, a.issue_id from in_flight f join audience_parts a on a.id = f.part_id where f.delivery_id = $1 limit 1`
	if r.Letter != 0 {
		query = `select coalesce(subscriber_id, 0), 0 from letters where id = $1`
	}
	var subscriber int64
	err = tx.QueryRowContext(ctx, query, r.Delivery+r.Letter).Scan(&subscriber, &issue)
	if errors.Is(err, sql.ErrNoRows) {
		r.Delivery, r.Letter = 0, 0
		return 0, nil
	}
	if subscriber != 0 {
		r.Subscriber = subscriber
	}
	return issue, err
}

func (m *Mailer) readTrace(text string) (Trace, bool) {
	if m.ReadTrace == nil {
		return Trace{}, false
	}
	return m.ReadTrace(text)
}

// byMessageID fills in the delivery or letter that has a Message-ID, nothing where
// there is none. In a delivery's its id stands, and its third part cannot be guessed;
// nor can a letter's.
func (m *Mailer) byMessageID(ctx context.Context, tx *sql.Tx, r *Returned, messageID string) error {
	parts := strings.SplitN(messageID, ".", 3)
	if len(parts) < 3 {
		return nil
	}
	var err error
	if parts[0] == LetterMark {
		err = tx.QueryRowContext(ctx, `select id from letters where message_id = $1`, messageID).Scan(&r.Letter)
	} else if id, bad := strconv.ParseInt(parts[1], 10, 64); bad == nil {
		err = tx.QueryRowContext(ctx, `select id from deliveries where id = $1 and message_id = $2`, id, messageID).Scan(&r.Delivery)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// newestOf is the last delivery to a subscriber that was accepted, 0 when there is none.
func (m *Mailer) newestOf(ctx context.Context, tx *sql.Tx, subscriber int64) (id int64, err error) {
	err = tx.QueryRowContext(ctx, `select id from deliveries where issue_id in (select issue_id from sends) and subscriber_id = $1 and state = 'accepted'
		order by done_at desc, id desc limit 1`, subscriber).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// follow does what a mail that came back demands, and says in words what that was.
func (m *Mailer) follow(ctx context.Context, tx *sql.Tx, r *Returned, t Trace, report bounce.Report, issue int64) (string, error) {
	asked := report.FeedbackType == "opt-out"
	switch {
	case t.Test || r.Kind == kindTest:
		r.Kind = kindTest
		return "nothing: it answers a test mail", nil
	case t.Kind == TraceLeave && (r.Kind == bounce.KindBounce || r.Kind == bounce.KindAutoreply):
		return "nothing: an automatic answer to the address for leaving", nil
	case t.Kind == TraceLeave || asked && r.Subscriber != 0:
		r.Kind, r.Class, r.Reason = kindLeave, string(bounce.None), "mailto"
		if m.Leave == nil {
			return "nothing: nobody can be unsubscribed here", nil
		}
		return "left the list", m.Leave(ctx, tx, r.Subscriber, t.List, issue)
	case r.Kind != bounce.KindBounce && r.Kind != bounce.KindComplaint:
		return "nothing", nil
	case r.Class == string(bounce.None):
		return "nothing: a warning or a report that asks for nothing", nil
	case r.Subscriber == 0 && r.Letter != 0:
		return "nothing for a reader: the letter was to somebody else", nil
	case r.Subscriber == 0:
		return "nothing: it does not say which of our mails it is about", nil
	}
	if r.Kind == bounce.KindComplaint {
		if err := m.fact(ctx, tx, "complained_at", r); err != nil {
			return "", err
		}
		return "suppressed: the reader reported the mail as spam", m.suppressFor(ctx, tx, r, "complaint", "reported as spam: "+cmp.Or(report.FeedbackType, "abuse"))
	}
	if err := m.fact(ctx, tx, "bounced_at", r); err != nil {
		return "", err
	}
	switch bounce.Class(r.Class) {
	case bounce.Hard:
		return "suppressed: the address does not take mail", m.suppressFor(ctx, tx, r, "hard", r.said())
	case bounce.Soft:
		return m.soften(ctx, tx, r)
	}
	return "nothing for the reader: it is our mail that was refused", nil
}

// fact notes the first time of something on the delivery.
func (m *Mailer) fact(ctx context.Context, tx *sql.Tx, column string, r *Returned) error {
	if r.Delivery == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `update deliveries set `+column+` = $2 where id = $1 and `+column+` is null`, r.Delivery, schema.At(r.At))
	return err
}

// factsWait is for how long a fact may wait for the row of its delivery.
const factsWait = time.Hour

// lateFacts notes what fact found no row for: the report on a message came before
// the ledger had its result.
func (m *Mailer) lateFacts(ctx context.Context) error {
	for column, kind := range map[string]string{"bounced_at": bounce.KindBounce, "complained_at": bounce.KindComplaint} {
		missing := `from returned_mails x where x.received_at > $1 and x.kind = $2 and x.class <> 'none' and x.delivery_id is not null
			and exists (select 1 from deliveries d where d.id = x.delivery_id and d.` + column + ` is null)`
		args := []any{schema.Millis(m.now().Add(-factsWait)), kind}
		var some bool
		err := m.DB.Read.QueryRowContext(ctx, `select exists (select 1 `+missing+`)`, args...).Scan(&some)
		if err == nil && some {
			_, err = m.DB.Write.ExecContext(ctx, `
				update deliveries set `+column+` = (select min(y.received_at) from returned_mails y where y.delivery_id = deliveries.id and y.kind = $2 and y.class <> 'none')
				where id in (select x.delivery_id `+missing+`)`, args...)
		}
		if err != nil {
			return fmt.Errorf("note %s of deliveries: %w", column, err)
		}
	}
	return nil
}

func (m *Mailer) suppressFor(ctx context.Context, tx *sql.Tx, r *Returned, reason, note string) error {
	if m.Suppress == nil {
		return nil
	}
	return m.Suppress(ctx, tx, r.Subscriber, reason, note, r.Delivery)
}

// said is what the other side said, on one line.
func (r Returned) said() string {
	text := r.Diagnostic
	if r.Status != "" && !strings.Contains(text, r.Status) {
		text = r.Status + " " + text
	}
	return strings.TrimSpace(cmp.Or(strings.TrimSpace(text), r.Reason))
}

// Defaults of the rule for soft bounces.
const (
	DefaultSoftBounces = 5
	DefaultSoftPeriod  = 15 * 24 * time.Hour
)

// soften counts a soft bounce: SoftBounces issues in a row that came back, over
// SoftPeriod at least, end in a suppression. One that was accepted, and did not
// come back, between two that did begins the count anew; those behind the last
// one may still come back and say nothing yet.
func (m *Mailer) soften(ctx context.Context, tx *sql.Tx, r *Returned) (string, error) {
	rows, err := tx.QueryContext(ctx, `
		select d.done_at, d.state, d.enhanced, (select count(*) from returned_mails x where x.delivery_id = d.id and x.class = 'soft')
		from deliveries d
		where d.issue_id in (select issue_id from sends) and d.subscriber_id = $1 and d.state in ('accepted', 'expired') and d.done_at is not null
		order by d.done_at desc, d.id desc limit 200`, r.Subscriber)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	n := 0
	var newest, oldest time.Time
	for rows.Next() {
		var done schema.Time
		var state State
		var enhanced string
		var bounces int
		if err := rows.Scan(&done, &state, &enhanced, &bounces); err != nil {
			return "", err
		}
		switch {
		case bounces > 0 || full(state, enhanced):
			if n++; n == 1 {
				newest = done.Time
			}
			oldest = done.Time
			continue
		case n == 0 || state == StateExpired: // undecided, or never got there
			continue
		}
		break
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	rows.Close()
	want, period := cmp.Or(m.SoftBounces, DefaultSoftBounces), cmp.Or(m.SoftPeriod, DefaultSoftPeriod)
	if n < want || newest.Sub(oldest) < period {
		return fmt.Sprintf("counted: %d of %d in a row", n, want), nil
	}
	days := int(newest.Sub(oldest).Hours() / 24)
	note := fmt.Sprintf("%d issues in a row came back, over %d days; the last: %s", n, days, r.said())
	return fmt.Sprintf("suppressed: %d issues in a row came back, over %d days", n, days), m.suppressFor(ctx, tx, r, "hard", note)
}

// full says that a delivery expired because the mailbox took nothing.
func full(state State, enhanced string) bool {
	return state == StateExpired && (enhanced == "4.2.2" || enhanced == "5.2.2" || enhanced == "4.2.1")
}

const returnedColumns = `id, source, kind, class, reason, status, reply, diagnostic, coalesce(delivery_id, 0), coalesce(letter_id, 0), coalesce(subscriber_id, 0), effect, received_at,
	coalesce((select l.kind from letters l where l.id = letter_id), ''), coalesce((select l.address from letters l where l.id = letter_id), '')`

// ReturnedFilter chooses and orders mails that came back; zero fields do not.
type ReturnedFilter struct {
	Kind, Class string
	Delivery    int64
	Subscriber  int64
	Search      string // in reason, code, diagnostic and effect
	Oldest      bool   // the oldest first
	Offset      int
	Limit       int // 0 means 100
}

// Returned lists mails that came back, the newest first, and how many there are in
// all.
func (m *Mailer) Returned(ctx context.Context, f ReturnedFilter) ([]Returned, int, error) {
	where, args := ` from returned_mails where 1 = 1`, []any{}
	add := func(condition string, v any) {
		args = append(args, v)
		where += fmt.Sprintf(" and "+condition, len(args))
	}
	if f.Kind != "" {
		add("kind = $%d", f.Kind)
	}
	if f.Class != "" {
		add("class = $%d", f.Class)
	}
	if f.Delivery != 0 {
		add("delivery_id = $%d", f.Delivery)
	}
	if f.Subscriber != 0 {
		add("subscriber_id = $%d", f.Subscriber)
	}
	if s := strings.ToLower(strings.TrimSpace(f.Search)); s != "" {
		add("replace(lower(reason || ' ' || status || ' ' || diagnostic || ' ' || effect), $%d, '') <> lower(reason || ' ' || status || ' ' || diagnostic || ' ' || effect)", s)
	}
	var total int
	if err := m.DB.Read.QueryRowContext(ctx, `select count(*)`+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("list mails that came back: %w", err)
	}
	order := "desc"
	if f.Oldest {
		order = "asc"
	}
	args = append(args, cmp.Or(f.Limit, 100), f.Offset)
	list, err := schema.Each(ctx, m.DB.Read, scanReturned, `select `+returnedColumns+where+fmt.Sprintf(" order by received_at %s, id %s limit $%d offset $%d", order, order, len(args)-1, len(args)), args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list mails that came back: %w", err)
	}
	return list, total, nil
}

func scanReturned(row schema.Row) (Returned, error) {
	var r Returned
	var at schema.Time
	err := row.Scan(&r.ID, &r.Source, &r.Kind, &r.Class, &r.Reason, &r.Status, &r.Reply, &r.Diagnostic, &r.Delivery, &r.Letter, &r.Subscriber, &r.Effect, &at, &r.LetterKind, &r.LetterTo)
	r.At = at.Time
	return r, err
}

// Why says in a sentence what came back and what followed.
func (r Returned) Why() string {
	what := map[string]string{
		bounce.KindBounce: "It came back", bounce.KindComplaint: "The reader reported it as spam", bounce.KindAutoreply: "An automatic answer came",
		kindLeave: "The reader asked by mail to leave", kindTest: "An answer to a test mail came",
	}[r.Kind]
	out := fmt.Sprintf("%s at %s", cmp.Or(what, "A mail came"), templates.Exact(r.At))
	if r.Kind == bounce.KindBounce {
		out += fmt.Sprintf(" (%s, %s): %s", cmp.Or(r.Class, "none"), cmp.Or(bounce.Words(r.Reason), "no reason"), r.said())
	}
	if r.Effect != "" {
		out += "; " + r.Effect
	}
	return out + "."
}
