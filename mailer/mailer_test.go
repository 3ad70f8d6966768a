package mailer_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/mailer/message"
	"pressrun/mailer/smtp"
	"pressrun/templates"
)

const issue, edition = 7, 70

// room is a mailer with everything around it: a database, a receiver that keeps
// books, and readers 1 to n.
type room struct {
	*mailer.Mailer
	t       *testing.T
	catcher *catch.Catcher
	relay   *smtp.Relay
	readers int

	mu         sync.Mutex
	withheld   map[int64]string
	revoked    map[int64]time.Time
	suppressed map[int64]string
	alarms     []string
}

func newRoom(t *testing.T, db *schema.DB, readers int) *room {
	t.Helper()
	t.Parallel() // they mostly wait
	watchStates(t, db)
	r := &room{t: t, readers: readers, withheld: map[int64]string{}, revoked: map[int64]time.Time{}, suppressed: map[int64]string{}}
	r.catcher, r.relay = receiver(t)
	r.Mailer = &mailer.Mailer{
		DB: db, Relays: []*smtp.Relay{r.relay}, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Editions:   func(context.Context, int64) (mailer.Edition, error) { return sealedEdition, nil },
		Recipients: r.recipients, RevokedSince: r.revokedSince, Suppress: r.suppress, Alarm: r.alarmed,
		Probe: 300 * time.Millisecond,
	}
	return r
}

// watchStates has the database write down every change of a delivery's state,
// and compares them with the table when the test ends.
func watchStates(t *testing.T, db *schema.DB) {
	t.Helper()
	const note = `insert into walked (a, b) values (old.state, new.state) on conflict (a, b) do nothing;`
	script := []string{
		`create table walked (a text, b text, primary key (a, b))`,
		`create trigger walk after update of state on deliveries when old.state <> new.state begin ` + note + ` end`,
	}
	if db.Engine == schema.Postgres {
		script = []string{script[0],
			`create function walk() returns trigger language plpgsql as $$ begin if old.state <> new.state then ` + note + ` end if; return null; end $$`,
			`create trigger walk after update of state on deliveries for each row execute function walk()`,
		}
	}
	for _, s := range script {
		if _, err := db.Write.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		rows, err := db.Read.Query(`select a, b from walked`)
		if err != nil {
			t.Error(err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var a, b mailer.State
			if err := rows.Scan(&a, &b); err != nil || !a.May(b) {
				t.Errorf("a delivery went from %s to %s, which the table does not allow (%v)", a, b, err)
			}
		}
	})
}

// each runs f on a fresh database of each engine, and says how another process
// can open it.
func each(t *testing.T, f func(t *testing.T, db *schema.DB, dsn string)) {
	t.Helper()
	schematest.Each(t, func(t *testing.T, db *schema.DB) { f(t, db, db.Name) })
}

// receiver starts a receiver with books and the relay that leads to it.
func receiver(t testing.TB) (*catch.Catcher, *smtp.Relay) {
	t.Helper()
	c := &catch.Catcher{Book: true, Max: 100}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { c.Serve(l); close(served) }()
	t.Cleanup(func() { c.Close(); <-served })
	return c, &smtp.Relay{Name: "test", URL: "smtp://" + l.Addr().String(), Connections: 4, HELO: "press.test"}
}

var sealedEdition = func() mailer.Edition {
	e := templates.Email{
		From: "Morning <morning@news.example>", Subject: "The news", Language: "en", ListID: "Morning <morning.news.example>",
		HTML:  "<p>Hello " + templates.Slot("name") + "</p><a href=\"" + templates.Slot("unsubscribe") + "\">Unsubscribe</a>\n",
		Text:  "Hello " + templates.Slot("name") + "\n\nUnsubscribe: " + templates.Slot("unsubscribe") + "\n",
		Slots: []string{"name", "unsubscribe"},
	}
	msg, err := message.Compose(e)
	if err != nil {
		panic(err)
	}
	return mailer.Edition{Message: msg, Hash: message.Hash(msg), EnvelopeFrom: "bounce@news.example", MessageIDDomain: "news.example"}
}()

func address(id int64) string { return fmt.Sprintf("user%d@d%d.example.test", id, id%50) }

func (r *room) addresses() []string {
	var all []string
	for i := range r.readers {
		all = append(all, address(int64(i+1)))
	}
	return all
}

func (r *room) recipients(_ context.Context, _ *sql.Tx, _ int64, ids []int64) (to []mailer.Recipient, out []mailer.Withheld, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if why := r.withheld[id]; why != "" {
			out = append(out, mailer.Withheld{ID: id, Reason: why})
			continue
		}
		to = append(to, mailer.Recipient{ID: id, Address: address(id), Slots: map[string]string{
			"name": fmt.Sprintf("Reader %d", id), "unsubscribe": fmt.Sprintf("https://l.example/u/%d", id),
		}})
	}
	return to, out, nil
}

func (r *room) leave(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.withheld[id], r.revoked[id] = "unsubscribed", time.Now()
}

func (r *room) revokedSince(_ context.Context, t time.Time) (ids []int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, at := range r.revoked {
		if !at.Before(t) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (r *room) suppress(_ context.Context, _ *sql.Tx, subscriber int64, reason, note string, _ int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.suppressed[subscriber] = reason
	return nil
}

func (r *room) alarmed(_ context.Context, kind, subject, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alarms = append(r.alarms, kind+" "+subject+" "+detail)
}

// freeze enqueues the issue to all readers, due now.
func (r *room) freeze() { r.freezeWith(mailer.Enqueue{}) }

const audienceSQL = `with recursive n(i) as (select cast($1 as bigint) union all select i + 1 from n where i < $2)
	select i as subscriber_id, cast($3 as bigint) as edition_id, cast($4 as bigint) as due_at from n`

func (r *room) freezeWith(e mailer.Enqueue) {
	r.t.Helper()
	e.Issue, e.SQL, e.Args = issue, audienceSQL, []any{1, r.readers, edition, r.nowMillis()}
	n := 0
	r.tx(func(tx *sql.Tx) (err error) {
		n, err = r.Enqueue(r.t.Context(), tx, e)
		return err
	})
	if n != r.readers {
		r.t.Fatalf("enqueued %d, want %d", n, r.readers)
	}
}

// layOut gives every reader his row, as an audience does that grows.
func (r *room) layOut() {
	r.t.Helper()
	r.tx(func(tx *sql.Tx) error {
		n, err := r.Enqueue(r.t.Context(), tx, mailer.Enqueue{Issue: issue, SQL: audienceSQL, Args: []any{1, r.readers, edition, r.nowMillis()}})
		if n != 0 {
			r.t.Errorf("the same readers again: %d added", n)
		}
		return err
	})
}

func (r *room) nowMillis() int64 {
	if r.Now != nil {
		return r.Now().UnixMilli()
	}
	return time.Now().UnixMilli()
}

func (r *room) tx(f func(tx *sql.Tx) error) {
	r.t.Helper()
	if err := r.DB.InTx(context.Background(), f); err != nil {
		r.t.Fatal(err)
	}
}

// retry queues deliveries again and returns how many.
func (r *room) retry(ids []int64) (n int) {
	r.t.Helper()
	r.tx(func(tx *sql.Tx) (err error) {
		n, err = r.Retry(context.Background(), tx, ids)
		return err
	})
	return n
}

// start runs the mailer until stop is called, which waits for it.
func (r *room) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				r.t.Error(err)
			}
		})
	}
	r.t.Cleanup(stop)
	return stop
}

func (r *room) counts() map[mailer.State]int {
	r.t.Helper()
	c, err := r.Counts(context.Background(), issue)
	if err != nil {
		r.t.Fatal(err)
	}
	sum := 0
	for _, n := range c {
		sum += n
	}
	if sum != r.readers {
		r.t.Fatalf("the states add up to %d, want %d: %v", sum, r.readers, c)
	}
	return c
}

// until waits for a condition of the counts.
func (r *room) until(what string, ok func(map[mailer.State]int) bool) map[mailer.State]int {
	r.t.Helper()
	end := time.Now().Add(time.Duration(soak(60, 300)) * time.Second)
	for time.Now().Before(end) {
		if c := r.counts(); ok(c) {
			return c
		}
		time.Sleep(100 * time.Millisecond) // counting costs the sender
	}
	r.t.Fatalf("waited in vain until %s: %v", what, r.counts())
	return nil
}

func (r *room) untilDone() map[mailer.State]int {
	r.t.Helper()
	return r.until("all is done", func(c map[mailer.State]int) bool {
		return c[mailer.StateQueued]+c[mailer.StateClaimed]+c[mailer.StateDeferred]+c[mailer.StateUncertain] == 0
	})
}

// uncertain returns the addresses of deliveries that were in flight once.
func (r *room) uncertain() map[string]bool {
	r.t.Helper()
	list, err := r.Deliveries(context.Background(), issue, mailer.Filter{WasUncertain: true}, mailer.Page{Limit: 100000})
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]bool{}
	for _, d := range list {
		out[address(d.Subscriber)] = true
	}
	return out
}

func TestSend(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 500)
		r.withheld[3], r.withheld[4] = "unsubscribed", "suppressed"
		r.freeze()
		stop := r.start()
		c := r.untilDone()
		stop()
		if c[mailer.StateAccepted] != 498 || c[mailer.StateWithheld] != 2 {
			t.Errorf("got %v", c)
		}
		a := r.catcher.Audit(r.addresses())
		if a.Once != 498 || len(a.Doubled) > 0 || len(a.Lost) != 2 {
			t.Errorf("the receiver has %d once, %d doubled, lost %v", a.Once, len(a.Doubled), a.Lost)
		}
		d, err := r.DeliveryOf(t.Context(), issue, 5)
		if err != nil {
			t.Fatal(err)
		}
		if d.Attempts != 1 || d.Code != 250 || d.Relay != "test" || d.EditionHash != sealedEdition.Hash || d.DoneAt.IsZero() || d.Date.IsZero() {
			t.Errorf("got %+v", d)
		}
		if ids := r.catcher.Booked(address(5)); len(ids) != 1 || ids[0] != "<"+d.MessageID+">" {
			t.Errorf("the receiver has %v, the ledger %q", ids, d.MessageID)
		}
		for _, m := range r.catcher.Messages(address(5)) {
			if _, err := message.Verify(m.Raw, sealedEdition.Message); err != nil {
				t.Error(err)
			}
		}
		var left int
		if err := db.Read.QueryRow(`select (select count(*) from in_flight) + (select count(*) from senders)`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d rows of senders and marks are left behind (%v)", left, err)
		}
	})
}
