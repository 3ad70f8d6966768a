package mailer_test

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/bounce"
	"pressrun/mailer/intake"
	"pressrun/templates"
)

// readTrace knows addresses such as d5@b.example, in place of signed ones.
func readTrace(text string) (t mailer.Trace, ok bool) {
	at := strings.Index(text, "@b.example")
	if at < 0 {
		return t, false
	}
	local := text[strings.LastIndexAny(text[:at], "<:, ")+1 : at]
	if local == "" {
		return t, false
	}
	n, _ := strconv.ParseInt(local[1:], 10, 64)
	switch local[0] {
	case 'd':
		return mailer.Trace{Kind: mailer.TraceDelivery, Delivery: n}, true
	case 'l':
		return mailer.Trace{Kind: mailer.TraceLetter, Letter: n}, true
	case 'u':
		return mailer.Trace{Kind: mailer.TraceLeave, Subscriber: n, List: 3}, true
	case 't':
		return mailer.Trace{Kind: mailer.TraceLeave, List: 3, Test: true}, true
	case 'f':
		return mailer.Trace{Kind: mailer.TraceFeedback}, true
	case 'n':
		return mailer.Trace{Kind: mailer.TraceCanary, At: time.UnixMilli(n).UTC()}, true
	}
	return t, false
}

// intake reads signed addresses, and notes who left by mail.
func (r *room) intake() *[]string {
	var left []string
	r.ReadTrace = readTrace
	r.Leave = func(_ context.Context, _ *sql.Tx, subscriber, list, issue int64) error {
		left = append(left, fmt.Sprintf("%d %d %d", subscriber, list, issue))
		return nil
	}
	return &left
}

func (r *room) comes(to string, lines ...string) {
	r.t.Helper()
	in := intake.Mail{To: to, Raw: []byte(strings.Join(lines, "\r\n") + "\r\n"), Source: "smtp"}
	if err := r.TakeReturned(context.Background(), in); err != nil {
		r.t.Fatal(err)
	}
}

// dsn is a report as a mail system sends it.
func dsn(action, status, diagnostic string) []string {
	return []string{"From: MAILER-DAEMON@mx.example.org", "Subject: Undelivered Mail", "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "",
		"--b", "", "It did not arrive.", "--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example.org", "",
		"Final-Recipient: rfc822; mara@example.org", "Action: " + action, "Status: " + status, "Diagnostic-Code: smtp; " + diagnostic, "--b--"}
}

var (
	hardDSN = dsn("failed", "5.1.1", "550 5.1.1 <mara@example.org>: Recipient address rejected: User unknown in RCPT")
	fullDSN = dsn("failed", "5.2.2", "552 5.2.2 <mara@example.org> mailbox full")
)

// arf is a feedback report with the header of the mail it is about.
func arf(kind string, returned ...string) []string {
	lines := []string{"From: fbl@example.org", "Content-Type: multipart/report; report-type=feedback-report; boundary=b", "", "--b", "", "A complaint.",
		"--b", "Content-Type: message/feedback-report", "", "Feedback-Type: " + kind, "User-Agent: x/1", "Version: 1", "--b", "Content-Type: message/rfc822", ""}
	return append(append(lines, returned...), "To: <redacted@example.org>", "Subject: x", "", "x", "--b--")
}

func (r *room) delivery(subscriber int64) mailer.Delivery {
	r.t.Helper()
	d, err := r.DeliveryOf(context.Background(), issue, subscriber)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

func (r *room) last() mailer.Returned {
	r.t.Helper()
	list, _, err := r.Returned(context.Background(), mailer.ReturnedFilter{Limit: 1})
	if err != nil || len(list) != 1 {
		r.t.Fatalf("%v, %v", list, err)
	}
	return list[0]
}

func TestReturned(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		const readers = 12
		r := newRoom(t, db, readers)
		clock := time.Date(2026, 11, 25, 7, 0, 0, 0, time.UTC)
		r.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
		left := r.intake()
		r.freeze()
		r.layOut()
		for _, sql := range []string{`update deliveries set state = 'claimed'`, `update deliveries set state = 'accepted', done_at = due_at, message_id = '7.' || id || '.secret@news.example'`} {
			if _, err := db.Write.Exec(sql); err != nil {
				t.Fatal(err)
			}
		}
		id := func(subscriber int64) string { return fmt.Sprint(r.delivery(subscriber).ID) }

		// A hard bounce, twice: one fact, one suppression.
		for range 2 {
			r.comes("d"+id(1)+"@b.example", hardDSN...)
		}
		d := r.delivery(1)
		if d.BouncedAt.IsZero() || r.suppressed[1] != "hard" {
			t.Errorf("hard: %+v, suppressed %q", d, r.suppressed[1])
		}
		got := r.last()
		if got.Kind != "bounce" || got.Class != "hard" || got.Subscriber != 1 || got.Status != "5.1.1" || strings.Contains(got.Diagnostic, "mara@") || !strings.Contains(got.Why(), "suppressed") {
			t.Errorf("got %+v: %s", got, got.Why())
		}
		if _, total, _ := r.Returned(t.Context(), mailer.ReturnedFilter{}); total != 1 {
			t.Errorf("the same mail is booked %d times", total)
		}

		// Warnings, automatic answers, people and reports that ask for nothing.
		r.comes("d"+id(2)+"@b.example", dsn("delayed", "4.4.1", "connection timed out")...)
		r.comes("d"+id(2)+"@b.example", dsn("delivered", "2.0.0", "250 ok")...)
		r.comes("d"+id(2)+"@b.example", "From: mara@example.org", "Auto-Submitted: auto-replied", "Subject: Away", "", "I am away")
		r.comes("d"+id(2)+"@b.example", "From: mara@example.org", "Subject: Re: The news", "", "Thank you")
		r.comes("f0@b.example", arf("not-spam", "Return-Path: <d"+id(2)+"@b.example>")...)
		r.comes("f0@b.example", arf("auth-failure", "Return-Path: <d"+id(2)+"@b.example>")...)
		r.comes("d"+id(2)+"@b.example", dsn("failed", "5.7.1", "554 5.7.1 blocked, our policy")...)
		if d := r.delivery(2); r.suppressed[2] != "" || !d.ComplainedAt.IsZero() || d.BouncedAt.IsZero() {
			t.Errorf("nobody is to be suppressed: %q; a refusal of our mail is a bounce: %+v", r.suppressed[2], d)
		}

		// Complaints, recognised by return path, Message-ID and link.
		r.comes("f0@b.example", arf("abuse", "Return-Path: <d"+id(3)+"@b.example>")...)
		r.comes("f0@b.example", arf("abuse", "Message-ID: <7."+id(4)+".secret@news.example>")...)
		r.comes("f0@b.example", arf("abuse", "List-Unsubscribe: <https://l.example/u/x>, <mailto:u5@b.example>", "Message-ID: <cut@off>")...)
		r.comes("f0@b.example", arf("abuse", "Message-ID: <7."+id(6)+".guessed@news.example>")...)
		r.comes("", append([]string{"Delivered-To: d" + id(7) + "@b.example"}, arf("abuse")...)...)
		for subscriber, want := range map[int64]string{3: "complaint", 4: "complaint", 5: "complaint", 6: "", 7: "complaint"} {
			if r.suppressed[subscriber] != want {
				t.Errorf("reader %d is suppressed as %q, want %q", subscriber, r.suppressed[subscriber], want)
			}
		}
		if r.delivery(3).ComplainedAt.IsZero() || r.delivery(4).ComplainedAt.IsZero() {
			t.Error("the complaint is not a fact of the delivery")
		}

		// The address a mail came to is believed, not what it quotes.
		r.comes("d"+id(8)+"@b.example", arf("abuse", "Message-ID: <7."+id(9)+".secret@news.example>")...)
		if r.suppressed[8] != "complaint" || r.suppressed[9] != "" {
			t.Errorf("suppressed %v; a report must not reach other readers", r.suppressed)
		}

		// Leaving by mail.
		r.comes("u9@b.example", "From: mara@example.org", "Subject: unsubscribe", "", "")
		r.comes("u9@b.example", hardDSN...)
		r.comes("u9@b.example", "From: mara@example.org", "Auto-Submitted: auto-replied", "", "away")
		r.comes("d"+id(10)+"@b.example", "From: mara@example.org", "Subject: Unsubscribe", "", "")
		r.comes("t0@b.example", "From: ed@news.example", "Subject: unsubscribe", "", "")
		if want := []string{"9 3 0", "10 0 7"}; strings.Join(*left, ",") != strings.Join(want, ",") {
			t.Errorf("left: %q, want %q", *left, want)
		}
		if got := r.last(); got.Kind != "test" || got.Effect == "" {
			t.Errorf("a mail to a test mail's address: %+v", got)
		}

		// A letter that comes back suppresses its subscriber.
		var letter int64
		r.tx(func(tx *sql.Tx) (err error) {
			letter, err = r.Post(t.Context(), tx, mailer.Letter{Kind: "confirmation", To: mailer.Recipient{ID: 11, Address: "mara@example.org"},
				Email: templates.Email{From: "morning@news.example", Subject: "x", Text: "x\n"}})
			return err
		})
		r.comes(fmt.Sprintf("l%d@b.example", letter), hardDSN...)
		if r.suppressed[11] != "hard" {
			t.Error("a letter that came back does not suppress")
		}
		r.comes("d999999@b.example", hardDSN...) // of nothing we know

		list, total, err := r.Returned(t.Context(), mailer.ReturnedFilter{Kind: "complaint", Oldest: true, Limit: 3, Offset: 1, Search: "FEEDBACK"})
		if err != nil || total != 8 || len(list) != 3 || !list[0].At.Before(list[1].At) {
			t.Errorf("listed %d of %d, %v", len(list), total, err)
		}
	})
}

// TestSoftBounces walks the rule: how many in a row over how many days.
func TestSoftBounces(t *testing.T) {
	for name, tt := range map[string]struct {
		days []int // on which an issue went out and came back; negative: was read
		want string
	}{
		"five over a fortnight and a day": {[]int{0, 4, 8, 12, 16}, "hard"},
		"too few":                         {[]int{0, 8, 16, 24}, ""},
		"too soon":                        {[]int{0, 1, 2, 3, 4, 5, 6}, ""},
		"one arrived between":             {[]int{0, 4, 8, -10, 12, 16}, ""},
		"and then five again":             {[]int{0, -1, 4, 8, 12, 16, 20}, "hard"},
		"the last ones may yet come back": {[]int{0, 4, 8, 12, 16, -17, -18}, "hard"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, schematest.SQLite(t), 0)
			r.intake()
			start := time.Date(2026, 11, 1, 7, 0, 0, 0, time.UTC)
			now := start
			r.Now = func() time.Time { return now }
			for i, day := range tt.days {
				at := start.AddDate(0, 0, max(day, -day)).UnixMilli()
				_, err := r.DB.Write.Exec(`insert into deliveries (id, issue_id, subscriber_id, edition_id, state, due_at, expires_at, next_at, done_at) values ($1, $1, 1, 1, 'accepted', $2, $2, $2, $2)`, i+1, at)
				if err == nil {
					_, err = r.DB.Write.Exec(`insert into sends (issue_id, state, audience, started_at, changed_at) values ($1, 'open', 1, $2, $2)`, i+1, at)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for i, day := range tt.days {
				if day >= 0 {
					now = start.AddDate(0, 0, day+2)
					r.comes(fmt.Sprintf("d%d@b.example", i+1), fullDSN...)
				}
			}
			if r.suppressed[1] != tt.want {
				t.Errorf("suppressed as %q, want %q; the last: %+v", r.suppressed[1], tt.want, r.last())
			}
		})
	}
}

func TestCanary(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 0)
		r.intake()
		now := time.Date(2026, 11, 25, 7, 0, 0, 0, time.UTC)
		r.Now = func() time.Time { return now }
		due := func() (at time.Time, is bool) {
			r.tx(func(tx *sql.Tx) (err error) {
				at, is, err = r.CanaryDue(t.Context(), tx)
				return err
			})
			return at, is
		}
		state := func() mailer.Canary {
			c, err := r.Canary(t.Context(), db.Read)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if state().Open(now) || state().Stuck(now) {
			t.Error("before the first canary the way is neither open nor stuck")
		}
		at, first := due()
		if _, again := due(); !first || again {
			t.Errorf("due %v, then %v; want one canary", first, again)
		}
		now = now.Add(time.Minute)
		r.comes(fmt.Sprintf("n%d@b.example", at.UnixMilli()), "Subject: canary", "", "")
		if !state().Open(now) {
			t.Error("the canary is back and the way not open")
		}
		now = at.Add(mailer.CanaryEvery)
		if _, again := due(); !again || !state().Open(now) {
			t.Error("the next canary is not due, or the way is shut before it could be back")
		}
		now = now.Add(mailer.CanaryWithin + time.Second)
		if state().Open(now) || !state().Stuck(now) {
			t.Error("the second canary is not back and the way still open")
		}
		r.comes(fmt.Sprintf("n%d@b.example", at.UnixMilli()), "Subject: the first one again", "", "")
		if state().Open(now) {
			t.Error("an old canary opens the way")
		}
		if _, total, _ := r.Returned(t.Context(), mailer.ReturnedFilter{}); total != 0 {
			t.Error("canaries are booked as mail that came back")
		}
	})
}

// What a sending service tells counts as a mail that came back does: once, and for
// the delivery that its Message-ID or else the recipient's address leads to.
func TestEventOfAService(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 6)
		left := r.intake()
		r.ReaderAt = func(_ context.Context, _ *sql.Tx, address string) (int64, error) {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(address, "r"), "@example.org"), 10, 64)
			return n, nil
		}
		r.freeze()
		r.layOut()
		for _, sql := range []string{`update deliveries set state = 'claimed'`, `update deliveries set state = 'accepted', done_at = due_at, message_id = '7.' || id || '.secret@news.example' where subscriber_id < 6`} {
			if _, err := db.Write.Exec(sql); err != nil {
				t.Fatal(err)
			}
		}
		tell := func(id string, report bounce.Report) {
			t.Helper()
			for range 2 {
				if err := r.TakeEvent(t.Context(), "ses", bounce.Event{ID: id, Report: report}); err != nil {
					t.Fatal(err)
				}
			}
		}
		hard := bounce.Report{Kind: bounce.KindBounce, Class: bounce.Hard, Reason: "userunknown", Diagnostic: "550 5.1.1 <r1@example.org> unknown"}
		byID, byAddress, nobody := hard, hard, hard
		byID.MessageID, byID.Recipient = fmt.Sprintf("7.%d.secret@news.example", r.delivery(1).ID), "r2@example.org"
		byAddress.MessageID, byAddress.Recipient = "theirs@email.amazonses.com", "r3@example.org"
		nobody.Recipient = "somebody@else.example"
		tell("a", byID)
		tell("b", byAddress)
		tell("c", nobody)
		tell("d", bounce.Report{Kind: bounce.KindComplaint, Class: bounce.Complaint, FeedbackType: "abuse", Recipient: "r4@example.org"})
		tell("e", bounce.Report{Kind: bounce.KindComplaint, Class: bounce.Complaint, FeedbackType: "opt-out", Recipient: "r5@example.org"})
		byAddress.Recipient = "r6@example.org" // nothing was delivered to him
		tell("f", byAddress)

		for reader, want := range map[int64]string{1: "hard", 2: "", 3: "hard", 4: "complaint", 5: "", 6: "hard"} {
			if r.suppressed[reader] != want {
				t.Errorf("reader %d is suppressed as %q, want %q", reader, r.suppressed[reader], want)
			}
		}
		if r.delivery(1).BouncedAt.IsZero() || !r.delivery(2).BouncedAt.IsZero() || r.delivery(3).BouncedAt.IsZero() || r.delivery(4).ComplainedAt.IsZero() {
			t.Error("the deliveries do not say what came of them")
		}
		if want := fmt.Sprintf("5 0 %d", issue); strings.Join(*left, ",") != want {
			t.Errorf("left: %q, want %q", *left, want)
		}
		list, total, err := r.Returned(t.Context(), mailer.ReturnedFilter{})
		if err != nil || total != 6 || list[0].Source != "ses" || strings.Contains(fmt.Sprint(list), "r1@") {
			t.Errorf("%d are booked, want 6, each once and without addresses: %v, %v", total, list, err)
		}
	})
}

// TestLettersThatComeBack: letters to who is no reader are known by their number
// and by their Message-ID, and it is known whether they arrive.
func TestLettersThatComeBack(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 1)
		clock := time.Date(2026, 11, 25, 7, 0, 0, 0, time.UTC)
		r.Now = func() time.Time { return clock }
		r.intake()
		post := func(kind string, to mailer.Recipient, about int64) (id int64) {
			t.Helper()
			r.tx(func(tx *sql.Tx) (err error) {
				id, err = r.Post(t.Context(), tx, mailer.Letter{Kind: kind, To: to, About: about, Email: templates.Email{From: "morning@news.example", Subject: "x", Text: "x\n"}})
				return err
			})
			return id
		}
		set := func(id int64, sets string) {
			t.Helper()
			if _, err := db.Write.Exec(`update letters set done_at = ` + fmt.Sprint(schema.Millis(clock)) + `, ` + sets + ` where id = ` + fmt.Sprint(id)); err != nil {
				t.Fatal(err)
			}
		}
		accept := func(id int64) { t.Helper(); set(id, `state = 'accepted'`) }
		unreached := func(want string) {
			t.Helper()
			said, err := r.Unreached(t.Context(), "Kim@news.example")
			if err != nil || want == "" && said != "" || !strings.Contains(said, want) {
				t.Errorf("letters to Kim: %q, %v; want %q", said, err, want)
			}
		}
		kim := mailer.Recipient{Address: "kim@news.example"}
		unreached("")

		first := post("alarm", kim, 0)
		accept(first)
		unreached("")
		r.comes(fmt.Sprintf("l%d@b.example", first), hardDSN...)
		if got := r.last(); got.Letter != first || got.LetterKind != "alarm" || got.LetterTo != "kim@news.example" || len(r.suppressed) != 0 || strings.Contains(got.Effect, "does not say") {
			t.Errorf("an alarm that came back: %+v; suppressed %v", got, r.suppressed)
		}
		unreached("User unknown")

		// The next one says nothing yet; a day later it has arrived.
		second := post("approval", kim, 0)
		unreached("User unknown")
		accept(second)
		unreached("User unknown")
		clock = clock.Add(25 * time.Hour)
		unreached("")

		// A sending service tells it by the Message-ID; a refusal at once tells it, too.
		var id string
		if err := db.Read.QueryRow(`select message_id from letters where id = $1`, second).Scan(&id); err != nil {
			t.Fatal(err)
		}
		hard := bounce.Classify([]byte(strings.Join(hardDSN, "\r\n")))[0]
		hard.MessageID = id
		if err := r.TakeEvent(t.Context(), "ses", bounce.Event{ID: "1", Report: hard}); err != nil {
			t.Fatal(err)
		}
		if got := r.last(); got.Letter != second {
			t.Errorf("a service's report on a letter: %+v", got)
		}
		unreached("User unknown")
		third := post("alarm", kim, 0)
		accept(third)
		clock = clock.Add(25 * time.Hour)
		unreached("")
		set(post("alarm", kim, 0), `state = 'failed', code = 550, reply = '550 5.7.1 not wanted'`)
		unreached("not wanted")
		clock = clock.Add(time.Minute)
		set(post("alarm", kim, 0), `state = 'expired', reason = 'nothing could be sent'`) // for our part alone
		unreached("not wanted")

		// An automatic answer and a warning are no news; nor is what is a reader's.
		fourth := post("alarm", kim, 0)
		accept(fourth)
		r.comes(fmt.Sprintf("l%d@b.example", fourth), "From: kim@news.example", "Auto-Submitted: auto-replied", "Subject: Away", "", "I am away")
		r.comes(fmt.Sprintf("l%d@b.example", fourth), dsn("delayed", "4.4.1", "connection timed out")...)
		clock = clock.Add(25 * time.Hour)
		unreached("")
		for _, letter := range []int64{post("confirmation", mailer.Recipient{ID: 1, Address: "kim@news.example"}, 0), post("move", kim, 1)} {
			accept(letter)
			r.comes(fmt.Sprintf("l%d@b.example", letter), hardDSN...)
		}
		unreached("")
		if r.suppressed[1] != "hard" || len(r.suppressed) != 1 {
			t.Errorf("suppressed %v; want the reader who was written to", r.suppressed)
		}
	})
}
