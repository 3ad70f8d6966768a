package mailer_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/mailer/smtp"
	"pressrun/templates"
)

// The database allows the states of the table and no other.
func TestStatesAreThoseOfTheSchema(t *testing.T) {
	text, err := os.ReadFile("../deploy/schema/migrations/0001_first.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"deliveries", "letters"} {
		_, rest, _ := strings.Cut(string(text), "create table "+table+" (")
		list := regexp.MustCompile(`check \((state = [^)]*)\)`).FindStringSubmatch(rest)
		var got []mailer.State
		for _, word := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(list[1], -1) {
			got = append(got, mailer.State(word[1]))
		}
		want := mailer.States()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %v, the table %v", table, got, want)
		}
	}
}

// From every state that is not final one can get out, and nothing but a person
// changes one that is done.
func TestTransitions(t *testing.T) {
	for _, s := range mailer.States() {
		exits := 0
		for _, next := range mailer.States() {
			if s.May(next) {
				exits++
				if s.Done() && next != mailer.StateQueued {
					t.Errorf("%s is done, and becomes %s", s, next)
				}
			}
		}
		if !s.Done() && exits == 0 {
			t.Errorf("nothing leads out of %s", s)
		}
	}
}

func TestReplyPolicy(t *testing.T) {
	min := time.Minute
	for _, tc := range []struct {
		phase    smtp.Phase
		code     int
		enhanced string
		text     string
		attempt  int
		state    mailer.State
		class    mailer.Class
		wait     time.Duration
		suppress bool
	}{
		{smtp.Dot, 250, "2.0.0", "queued", 1, mailer.StateAccepted, mailer.Taken, 0, false},
		{smtp.Dot, 0, "", "EOF", 1, mailer.StateUncertain, mailer.Connection, 30 * time.Second, false},
		{smtp.Body, 0, "", "EOF", 1, mailer.StateDeferred, mailer.Connection, 30 * time.Second, false},
		{smtp.Rcpt, 0, "", "EOF", 5, mailer.StateDeferred, mailer.Connection, 30 * min, false},
		{smtp.Connect, 0, "", "refused", 1, mailer.StateQueued, mailer.Host, 30 * time.Second, false},
		{smtp.Greeting, 554, "", "go away", 1, mailer.StateQueued, mailer.Host, 30 * time.Second, false},
		{smtp.Rcpt, 421, "4.7.0", "slow down", 1, mailer.StateQueued, mailer.Host, 30 * time.Second, false},
		{smtp.Auth, 535, "5.7.8", "wrong", 1, mailer.StateQueued, mailer.Config, 30 * time.Second, false},
		{smtp.Mail, 530, "5.7.0", "authenticate first", 1, mailer.StateQueued, mailer.Config, 30 * time.Second, false},
		{smtp.Rcpt, 450, "4.2.0", "greylisted", 1, mailer.StateDeferred, mailer.Soft, 5 * min, false},
		{smtp.Rcpt, 451, "4.7.1", "greylisted", 2, mailer.StateDeferred, mailer.Soft, 30 * min, false},
		{smtp.Rcpt, 451, "4.3.0", "", 3, mailer.StateDeferred, mailer.Soft, 60 * min, false},
		{smtp.Rcpt, 451, "4.3.0", "", 99, mailer.StateDeferred, mailer.Soft, 240 * min, false},
		{smtp.Rcpt, 452, "4.5.3", "too many recipients", 1, mailer.StateDeferred, mailer.Soft, 30 * time.Second, false},
		{smtp.Rcpt, 452, "4.2.2", "full", 1, mailer.StateDeferred, mailer.Soft, 5 * min, false},
		{smtp.Rcpt, 552, "5.2.2", "full", 1, mailer.StateDeferred, mailer.Soft, 5 * min, false},
		{smtp.Rcpt, 552, "", "quota exceeded", 2, mailer.StateDeferred, mailer.Soft, 30 * min, false},
		{smtp.Rcpt, 550, "5.1.1", "no such user", 1, mailer.StateFailed, mailer.Hard, 0, true},
		{smtp.Rcpt, 550, "5.1.10", "null MX", 1, mailer.StateFailed, mailer.Hard, 0, true},
		{smtp.Dot, 550, "5.1.1", "no such user", 1, mailer.StateFailed, mailer.Hard, 0, true},
		{smtp.Rcpt, 553, "5.2.1", "disabled", 1, mailer.StateFailed, mailer.Hard, 0, true},
		{smtp.Rcpt, 550, "", "Unknown user", 1, mailer.StateFailed, mailer.Hard, 0, true},
		{smtp.Rcpt, 550, "", "requested action not taken", 1, mailer.StateFailed, mailer.Unknown, 0, false},
		{smtp.Rcpt, 554, "", "user unknown, perhaps", 1, mailer.StateFailed, mailer.Unknown, 0, false},
		{smtp.Rcpt, 550, "5.7.1", "denied", 1, mailer.StateFailed, mailer.Sender, 0, false},
		{smtp.Rcpt, 550, "5.1.1", "blocked using Spamhaus", 1, mailer.StateFailed, mailer.Sender, 0, false},
		{smtp.Rcpt, 550, "5.1.8", "bad sender", 1, mailer.StateFailed, mailer.Sender, 0, false},
		{smtp.Mail, 550, "5.1.1", "sender unknown", 1, mailer.StateFailed, mailer.Sender, 0, false},
		{smtp.Rcpt, 554, "5.3.4", "too big", 1, mailer.StateFailed, mailer.Sender, 0, false},
		{smtp.Dot, 554, "5.7.1", "spam", 1, mailer.StateFailed, mailer.Sender, 0, false},
		{smtp.Dot, 554, "", "transaction failed", 1, mailer.StateFailed, mailer.Sender, 0, false},
		{smtp.Rcpt, 550, "5.4.1", "no route", 1, mailer.StateFailed, mailer.Unknown, 0, false},
		{smtp.Rcpt, 553, "5.6.7", "needs SMTPUTF8", 1, mailer.StateFailed, mailer.Unknown, 0, false},
	} {
		v := mailer.Reply(tc.phase, tc.code, tc.enhanced, tc.text, tc.attempt)
		if v.State != tc.state || v.Class != tc.class || v.Wait != tc.wait || v.Suppress != tc.suppress {
			t.Errorf("%s %d %s %s, attempt %d: got %+v, want %s %s %v suppress %v",
				tc.phase, tc.code, tc.enhanced, tc.text, tc.attempt, v, tc.state, tc.class, tc.wait, tc.suppress)
		}
		if v.State != mailer.StateAccepted && v.Reason == "" {
			t.Errorf("%s %d %s: no reason in words", tc.phase, tc.code, tc.enhanced)
		}
	}
}

// Whatever a relay says: only a permanent refusal of the recipient suppresses,
// and whatever is tried again is tried after a while.
func FuzzReply(f *testing.F) {
	f.Add("rcpt", 550, "5.1.1", "no such user", 1)
	f.Add("dot", 0, "", "", 3)
	f.Fuzz(func(t *testing.T, phase string, code int, enhanced, text string, attempt int) {
		if code < 0 || code > 599 || enhanced != "" && !regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}$`).MatchString(enhanced) {
			return // smtp never passes these on
		}
		v := mailer.Reply(smtp.Phase(phase), code, enhanced, text, attempt)
		if v.Suppress && (code < 500 || v.State != mailer.StateFailed || v.Class != mailer.Hard) {
			t.Fatalf("%+v", v)
		}
		if !v.State.Done() && v.Wait < 30*time.Second {
			t.Fatalf("tried again after %v: %+v", v.Wait, v)
		}
		if !mailer.StateClaimed.May(v.State) {
			t.Fatalf("claimed cannot become %s", v.State)
		}
	})
}

// Any order of what people and machines do to an issue leaves the sum and the
// table of states intact (newRoom checks both).
func TestLedgerWalk(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 120)
		r.fast(3000)
		r.freezeWith(mailer.Enqueue{Expires: 30 * 24 * time.Hour})
		ctx := context.Background()
		steps := map[string]func(*rapid.T){
			"send": func(rt *rapid.T) {
				code := rapid.SampledFrom([]int{0, 421, 451, 550, 552, 554}).Draw(rt, "code")
				drop := rapid.SampledFrom([]catch.Stage{catch.AtRcpt, catch.AtData, catch.AtDot}).Draw(rt, "drop")
				rules := []catch.Rule{{Stage: drop, Drop: true, Taken: true, Share: .2, Limit: 5}}
				if code > 0 {
					rules = append(rules, catch.Rule{Code: code, Share: .2, Limit: 9, Seed: "x"})
				}
				r.catcher.Misbehave(catch.Faults{Rules: rules})
				stop := r.start()
				time.Sleep(time.Duration(rapid.IntRange(20, 150).Draw(rt, "ms")) * time.Millisecond)
				stop()
			},
			"pause":  func(*rapid.T) { r.try(func(tx *sql.Tx) error { return r.Pause(ctx, tx, issue, "") }) },
			"resume": func(*rapid.T) { r.try(func(tx *sql.Tx) error { return r.Resume(ctx, tx, issue) }) },
			"retry": func(rt *rapid.T) {
				ids := rapid.SliceOfN(rapid.Int64Range(1, int64(r.readers)), 1, 30).Draw(rt, "ids")
				r.retry(ids)
			},
			"stop":  func(rt *rapid.T) { r.must(r.Stop(ctx, "a", "b")) },
			"start": func(rt *rapid.T) { r.must(r.Start(ctx)) },
			"":      func(*rapid.T) { r.counts() },
		}
		walk(t, steps)
	})
}

func walk(t *testing.T, steps map[string]func(*rapid.T)) {
	names := []string{"send", "send", "send", "pause", "resume", "resume", "retry", "stop", "start", "start"}
	once := false
	rapid.Check(t, func(rt *rapid.T) {
		if once {
			return // one walk a database is enough; the seed changes from run to run
		}
		once = true
		for range 25 {
			steps[rapid.SampledFrom(names).Draw(rt, "step")](rt)
			steps[""](rt)
		}
	})
}

func (r *room) try(f func(tx *sql.Tx) error) { r.DB.InTx(context.Background(), f) } // may be refused

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func confirmation(to int64) mailer.Letter {
	return mailer.Letter{
		Kind: "confirmation", To: mailer.Recipient{ID: to, Address: address(to), Slots: map[string]string{"confirm": "https://l.example/c/1"}},
		Email: templates.Email{From: "press@news.example", Subject: "Confirm", Text: "Confirm: " + templates.Slot("confirm") + "\n", Auto: true, Slots: []string{"confirm"}},
	}
}

func (r *room) post(l mailer.Letter) (id int64) {
	r.t.Helper()
	r.tx(func(tx *sql.Tx) (err error) {
		id, err = r.Post(context.Background(), tx, l)
		return err
	})
	return id
}

func (r *room) untilLetter(id int64, want mailer.State) {
	r.t.Helper()
	var got mailer.State
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if got, _, err = r.LetterState(context.Background(), id); err != nil {
			r.t.Fatal(err)
		}
		if got == want {
			return
		}
	}
	r.t.Fatalf("letter %d is %s, want %s", id, got, want)
}

// Letters to somebody erased go, by his number and by his address, also those about
// him to another address and those that are about to be sent; others stay.
func TestDropLetters(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 1)
		other, nobody := confirmation(12), confirmation(13)
		nobody.To = mailer.Recipient{Address: "Mara@New.example", Slots: nobody.To.Slots}
		about := confirmation(0)
		about.To.Address, about.About = "mara@old.example", 11
		gone := []int64{r.post(confirmation(11)), r.post(confirmation(11)), r.post(nobody), r.post(about)}
		if _, err := db.Write.Exec(`update letters set state = 'claimed', owner = 'another' where id = $1`, gone[1]); err != nil {
			t.Fatal(err)
		}
		stays := r.post(other)
		r.tx(func(tx *sql.Tx) error { return mailer.DropLetters(t.Context(), tx, 11, "mara@new.example") })
		for _, id := range gone {
			if state, _, err := r.LetterState(t.Context(), id); !errors.Is(err, mailer.ErrNoLetter) {
				t.Errorf("letter %d is %s, %v", id, state, err)
			}
		}
		if state, _, err := r.LetterState(t.Context(), stays); err != nil || state != mailer.StateQueued {
			t.Errorf("somebody else's letter is %s, %v", state, err)
		}
	})
}

// Who is erased while a letter to him is on its way gets that one, and nothing of it
// stays.
func TestDropLetterInFlight(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 1)
		r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Stall: 500 * time.Millisecond, Match: func(a string) bool { return a == address(11) }}}})
		r.start()
		r.post(confirmation(11))
		count := func(query string) (n int) {
			t.Helper()
			r.must(db.Read.QueryRow(query).Scan(&n))
			return n
		}
		until := func(want int, query string) {
			t.Helper()
			for end := time.Now().Add(20 * time.Second); count(query) != want; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s: never %d", query, want)
				}
			}
		}
		until(1, `select count(*) from in_flight`)
		r.tx(func(tx *sql.Tx) error { return mailer.DropLetters(t.Context(), tx, 11, "") })
		until(0, `select count(*) from in_flight`)
		r.untilLetter(r.post(confirmation(12)), mailer.StateAccepted)
		if ids := r.catcher.Booked(address(11)); len(ids) != 1 || count(`select count(*) from letters where subscriber_id = 11`) != 0 {
			t.Errorf("the receiver has %v", ids)
		}
	})
}

// A letter leaves at once although a bulk send with a slow rate is under way.
func TestLetterOvertakes(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 300)
		r.relay.Rate = 20
		r.freeze()
		r.start()
		r.sentAtLeast(10)
		id := r.post(confirmation(9999))
		r.untilLetter(id, mailer.StateAccepted)
		if n := r.acceptedByReceiver(); n > 150 {
			t.Errorf("the letter left after %d copies", n)
		}
		if ids := r.catcher.Booked(address(9999)); len(ids) != 1 {
			t.Errorf("the receiver has %v", ids)
		}
	})
}

func TestLetterRefused(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 0)
		r.fast(600)
		r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{
			{Code: 451, Times: 1, Match: func(a string) bool { return a == address(1) }},
			{Code: 550, Match: func(a string) bool { return a == address(2) }},
			{Stage: catch.AtDot, Drop: true, Taken: true, Times: 1, Match: func(a string) bool { return a == address(3) }},
		}})
		r.start()
		later, never, twice := r.post(confirmation(1)), r.post(confirmation(2)), r.post(confirmation(3))
		r.untilLetter(later, mailer.StateAccepted)
		r.untilLetter(never, mailer.StateFailed)
		r.untilLetter(twice, mailer.StateAccepted)
		if ids := r.catcher.Booked(address(3)); len(ids) != 2 || ids[0] != ids[1] {
			t.Errorf("a letter sent again: %v", ids)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.suppressed[2] != "hard" || len(r.suppressed) != 1 {
			t.Errorf("suppressed: %v", r.suppressed)
		}
		r.nameless("attempts")
		r.nameless("letters")
	})
}

// nameless looks that what receivers said, who quote the address they refuse, is
// kept without it: it outlives the reader's erasure.
func (r *room) nameless(table string) {
	r.t.Helper()
	replies, err := schema.Each(r.t.Context(), r.DB.Read, schema.Column[string], `select reply from `+table+` where reply like '%refused on request'`)
	if err != nil || len(replies) == 0 {
		r.t.Errorf("replies in %s: %q, %v", table, replies, err)
	}
	for _, reply := range replies {
		if reply != "<…> refused on request" {
			r.t.Errorf("%s keeps %q", table, reply)
		}
	}
}

// Nothing leaves by a real relay before the installation is armed, for this
// host and domain.
func TestArm(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		ctx := context.Background()
		r := newRoom(t, db, 60)
		outside, relay := receiver(t)
		relay.Name = "outside"
		r.Catcher, r.Relays = r.relay, nil
		r.Transports = []mailer.Transport{&way{Transport: mailer.SMTP(relay), remote: true}}
		r.Host, r.SenderDomain = "press1", "news.example"
		stop := r.start()
		r.freeze()
		r.untilDone()
		if n := r.acceptedByReceiver(); n != 60 || len(outside.Messages("")) > 0 {
			t.Fatalf("disarmed: the catcher has %d, the world %d", n, len(outside.Messages("")))
		}

		var code string
		r.tx(func(tx *sql.Tx) (err error) {
			code, err = r.ArmingCode(ctx, tx, "op")
			return err
		})
		test := confirmation(1)
		test.Kind = mailer.Arming
		stop() // a process that was started before there was a relay cannot prove one
		r.Transports = nil
		stop = r.start()
		waiting := r.post(test)
		time.Sleep(time.Second)
		if state, _, err := r.LetterState(ctx, waiting); err != nil || state.Done() || r.acceptedByReceiver() != 60 {
			t.Errorf("without a relay the arming letter is %s, %v, and the catcher has %d; want it to wait", state, err, r.acceptedByReceiver())
		}
		stop()
		r.Transports = []mailer.Transport{&way{Transport: mailer.SMTP(relay), remote: true}}
		stop = r.start()
		r.untilLetter(waiting, mailer.StateAccepted)
		if len(outside.Messages("")) != 1 {
			t.Error("the arming letter did not go out by the real relay")
		}
		if err := r.Arm(ctx, "op", "x"+code); !errors.Is(err, mailer.ErrCode) {
			t.Errorf("a wrong code: %v", err)
		}
		r.must(r.Arm(ctx, "op", code+"\n"))
		if err := r.Arm(ctx, "op", code); !errors.Is(err, mailer.ErrCode) {
			t.Errorf("a code used twice: %v", err)
		}
		time.Sleep(time.Second)
		r.untilLetter(r.post(confirmation(2)), mailer.StateAccepted)
		if len(outside.Messages("")) != 2 {
			t.Error("armed, and the letter did not go out")
		}
		stop()

		ways := r.Transports
		r.Catch, r.Transports = true, nil // as of serve --catch
		stop = r.start()
		r.untilLetter(r.post(confirmation(3)), mailer.StateAccepted)
		if st, err := r.Status(ctx); err != nil || st.Armed || len(outside.Messages("")) != 2 {
			t.Errorf("all is to be caught: %+v %v, the world has %d", st, err, len(outside.Messages("")))
		}
		stop()
		r.Catch, r.Transports = false, ways

		copied := *r.Mailer
		copied.Host = "press2"
		if st, err := copied.Status(ctx); err != nil || st.Armed || st.ArmedFor != "press1 news.example" {
			t.Errorf("a copy on another host: %+v %v", st, err)
		}
		r.must(r.Disarm(ctx))
		if st, err := r.Status(ctx); err != nil || st.Armed {
			t.Errorf("disarmed: %+v %v", st, err)
		}
	})
}

// Enqueue freezes each reader once, however often it is asked.
func TestEnqueueTwice(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 100)
		r.freeze()
		r.tx(func(tx *sql.Tx) error {
			n, err := r.Enqueue(t.Context(), tx, mailer.Enqueue{Issue: issue, SQL: audienceSQL, Args: []any{51, 150, edition, 0}})
			if n != 50 {
				t.Errorf("added %d, want the 50 new ones", n)
			}
			return err
		})
		r.readers = 150
		r.counts()
		if s, err := r.SendOf(t.Context(), db.Read, issue); err != nil || s.Audience != 150 || s.State != "open" {
			t.Errorf("got %+v %v", s, err)
		}
		if _, err := r.SendOf(t.Context(), db.Read, 99); !errors.Is(err, mailer.ErrNotSending) {
			t.Errorf("got %v", err)
		}
	})
}

// A reader in the ledger whom nobody knows any more is withheld, not lost.
func TestUnknownReader(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 10)
	real := r.Recipients
	r.Recipients = func(ctx context.Context, tx *sql.Tx, issue int64, ids []int64) ([]mailer.Recipient, []mailer.Withheld, error) {
		return real(ctx, tx, issue, slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return id == 4 }))
	}
	r.freeze()
	r.start()
	if c := r.untilDone(); c[mailer.StateWithheld] != 1 || c[mailer.StateAccepted] != 9 {
		t.Errorf("got %v", c)
	}
}

// A message that cannot be made is that reader's failure and nobody else's.
func TestUnwritable(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t), 10)
	real := r.Recipients
	r.Recipients = func(ctx context.Context, tx *sql.Tx, issue int64, ids []int64) ([]mailer.Recipient, []mailer.Withheld, error) {
		to, out, err := real(ctx, tx, issue, ids)
		for i := range to {
			switch to[i].ID {
			case 3:
				to[i].Slots["unsubscribe"] = "javascript:alert(1)"
			case 4:
				to[i].Address = "a@b.example>\r\nRCPT TO:<c@d.example"
			case 5:
				to[i].Address = "grün@b.example"
			}
		}
		return to, out, err
	}
	r.freeze()
	r.start()
	if c := r.untilDone(); c[mailer.StateFailed] < 2 || c[mailer.StateAccepted]+c[mailer.StateFailed] != 10 {
		t.Errorf("got %v", c)
	}
}

func TestHouseKeep(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 0)
		now := time.Now()
		for _, age := range []time.Duration{time.Hour, 100 * 24 * time.Hour} {
			at := schema.Millis(now.Add(-age))
			if _, err := db.Write.Exec(`insert into attempts (delivery_id, relay, phase, code, outcome, tried_at) values (1, 'r', 'rcpt', 451, 'deferred', $1)`, at); err != nil {
				t.Fatal(err)
			}
		}
		old, recent := r.post(confirmation(1)), r.post(confirmation(2))
		for id, age := range map[int64]time.Duration{old: 8 * 24 * time.Hour, recent: 6 * 24 * time.Hour} {
			if _, err := db.Write.Exec(`update letters set state = 'accepted', done_at = $1 where id = $2`, schema.Millis(now.Add(-age)), id); err != nil {
				t.Fatal(err)
			}
		}
		r.must(r.HouseKeep(t.Context(), 90*24*time.Hour, 7*24*time.Hour))
		if _, _, err := r.LetterState(t.Context(), old); !errors.Is(err, mailer.ErrNoLetter) {
			t.Errorf("a letter of eight days ago: %v", err)
		}
		if _, _, err := r.LetterState(t.Context(), recent); err != nil {
			t.Errorf("a letter of six days ago: %v", err)
		}
		list, err := r.Attempts(t.Context(), mailer.Delivery{ID: 1})
		if err != nil || len(list) != 1 {
			t.Errorf("got %+v %v", list, err)
		}
	})
}

// Whether an issue's uncertain deliveries are parked cannot always be read. Then
// they are: a second copy cannot be taken back.
func TestFaultParkUnread(t *testing.T) {
	db := schematest.SQLite(t)
	r := newRoom(t, db, 1)
	own, err := schema.Open(t.Context(), db.Name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	r.DB = &schema.DB{Write: db.Write, Read: own.Read, Engine: db.Engine, Name: db.Name}
	r.catcher.Misbehave(catch.Faults{Rules: []catch.Rule{{Stage: catch.AtDot, Stall: 500 * time.Millisecond, Drop: true, Taken: true}}})
	r.freezeWith(mailer.Enqueue{Park: true})
	r.start()
	until := func(want string) {
		t.Helper()
		got := ""
		for end := time.Now().Add(20 * time.Second); got != want && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			err := db.Read.QueryRow(`select coalesce((select state from deliveries), (select 'in flight' from in_flight), '')`).Scan(&got)
			r.must(err)
		}
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	until("in flight")
	own.Read.Close()
	until("parked")
}
