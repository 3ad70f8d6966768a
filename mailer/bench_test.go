package mailer_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/message"
	"pressrun/mailer/smtp"
	"pressrun/templates"
)

// BenchmarkSend sends an issue of 30 KB to PRESSRUN_BENCH_READERS readers (2,000)
// through the relay PRESSRUN_BENCH_RELAY, by PRESSRUN_BENCH_CONNECTIONS (10),
// with the ledger in PRESSRUN_BENCH_DB; both left out, it is a fresh SQLite file
// and a receiver of this process.
func BenchmarkSend(b *testing.B) {
	readers, connections := setting("READERS", 2000), setting("CONNECTIONS", 10)
	for range b.N {
		m := benchMailer(b, readers, connections)
		began := time.Now()
		benchFreeze(b, m)
		b.ReportMetric(time.Since(began).Seconds(), "s-to-freeze")
		f, err := m.Bench(b.Context(), issue, nil)
		if err != nil {
			b.Fatal(err)
		}
		out, _ := json.Marshal(f)
		b.Logf("%s", out)
		b.ReportMetric(f.Rate, "msg/s")
		b.ReportMetric(f.CPU*1000, "cpu-us/msg")
		b.ReportMetric(f.DBCPU*1000, "db-us/msg")
		b.ReportMetric(f.PeakRSS, "rss-MB")
	}
}

// benchMailer is a mailer of large editions to so many readers, by a relay of the
// benchmark's environment or one of this process.
func benchMailer(b *testing.B, readers, connections int) *mailer.Mailer {
	b.Helper()
	db := benchDB(b)
	url := os.Getenv("PRESSRUN_BENCH_RELAY")
	if url == "" {
		_, relay := receiver(b)
		url = relay.URL
	}
	seedReaders(b, db, readers)
	return &mailer.Mailer{
		DB: db, Relays: []*smtp.Relay{{Name: "bench", URL: url, Connections: connections, HELO: "press.test"}},
		Editions:   func(context.Context, int64) (mailer.Edition, error) { return largeEdition, nil },
		Recipients: readersOf,
	}
}

// benchFreeze makes all readers the audience of the issue.
func benchFreeze(b *testing.B, m *mailer.Mailer) {
	b.Helper()
	err := m.DB.InTx(b.Context(), func(tx *sql.Tx) error {
		_, err := m.Enqueue(b.Context(), tx, mailer.Enqueue{Issue: issue, SQL: `select id as subscriber_id, cast(1 as bigint) as edition_id, cast(0 as bigint) as due_at from subscribers`, Expires: 1 << 62})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func setting(name string, def int) int {
	if n, err := strconv.Atoi(os.Getenv("PRESSRUN_BENCH_" + name)); err == nil {
		return n
	}
	return def
}

func benchDB(b *testing.B) *schema.DB {
	if dsn := os.Getenv("PRESSRUN_BENCH_DB"); dsn != "" {
		return schematest.Open(b, dsn)
	}
	return schematest.Open(b, filepath.Join(b.TempDir(), "press.db")) // which waits for the disk
}

func seedReaders(b *testing.B, db *schema.DB, n int) {
	b.Helper()
	for _, s := range []string{
		`delete from deliveries`, `delete from sends`, `delete from subscriptions`, `delete from subscribers`, `delete from lists`,
		`insert into lists (id, name, title, created_at) values (1, 'bench', 'Bench', 0)`,
		fmt.Sprintf(`with recursive n(i) as (select 1 union all select i + 1 from n where i < %d)
			insert into subscribers (id, email, email_key, name, created_at, updated_at)
			select i, 'user' || (i - 1) || '@d' || ((i - 1) %% 50) || '.example.test', 'user' || (i - 1) || '@d' || ((i - 1) %% 50) || '.example.test', 'Reader ' || i, 0, 0 from n`, n),
		`insert into subscriptions (list_id, subscriber_id, state, created_at, changed_at) select 1, id, 'active', 0, 0 from subscribers`,
	} {
		if _, err := db.Write.Exec(s); err != nil {
			b.Fatal(err)
		}
	}
	for _, table := range []string{"subscribers", "subscriptions"} {
		if err := db.Analyze(b.Context(), table); err != nil {
			b.Fatal(err)
		}
	}
}

// readersOf is what the subscribers' room does for a claim: addresses, list
// state and suppression in one query.
func readersOf(ctx context.Context, tx *sql.Tx, _ int64, ids []int64) (to []mailer.Recipient, out []mailer.Withheld, err error) {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = strconv.FormatInt(id, 10)
	}
	rows, err := tx.QueryContext(ctx, `
		select s.id, s.email, s.name, p.state, coalesce(x.reason, '')
		from subscribers s join subscriptions p on p.subscriber_id = s.id and p.list_id = 1
		left join suppressions x on x.email_key = s.email_key
		where s.id in (`+strings.Join(list, ",")+`)`)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r mailer.Recipient
		var name, state, reason string
		if err := rows.Scan(&r.ID, &r.Address, &name, &state, &reason); err != nil {
			return nil, nil, err
		}
		if state != "active" || reason != "" {
			out = append(out, mailer.Withheld{ID: r.ID, Reason: state + reason})
			continue
		}
		id := strconv.FormatInt(r.ID, 10)
		r.Slots = map[string]string{"name": name, "unsubscribe": "https://l.example/u/1." + id + ".0123456789abcdef0123456789abcdef", "preferences": "https://l.example/p/1." + id + ".0123456789abcdef0123456789abcdef"}
		to = append(to, r)
	}
	return to, out, rows.Err()
}

// largeEdition is about 30 KB on the wire.
var largeEdition = func() mailer.Edition {
	var html, text strings.Builder
	slot := templates.Slot
	fmt.Fprintf(&html, "<!doctype html><html><body><p>Good morning %s</p>", slot("name"))
	fmt.Fprintf(&text, "Good morning %s\n\n", slot("name"))
	for i := range 60 {
		fmt.Fprintf(&html, "<h2 style=\"font-size:17px;line-height:22px\"><a href=\"https://news.example.test/a/%d\" style=\"color:#1a4f8b\">City council agrees on a plan for the river %d</a></h2>\n<p style=\"font-size:14px\">The harvest of this season was larger than expected, and the minister announced a review of the market in spring. A report on the school follows.</p>\n", i, i)
		fmt.Fprintf(&text, "City council agrees on a plan for the river %d\nhttps://news.example.test/a/%d\n\n", i, i)
	}
	fmt.Fprintf(&html, "<a href=\"%s\">Preferences</a> <a href=\"%s\">Unsubscribe</a></body></html>\n", slot("preferences"), slot("unsubscribe"))
	fmt.Fprintf(&text, "Preferences: %s\nUnsubscribe: %s\n", slot("preferences"), slot("unsubscribe"))
	msg, err := message.Compose(templates.Email{
		From: "Morning <morning@news.example>", Subject: "The news", Language: "en", ListID: "Morning <morning.news.example>",
		HTML: html.String(), Text: text.String(), Slots: []string{"name", "unsubscribe", "preferences"},
	})
	if err != nil {
		panic(err)
	}
	return mailer.Edition{Message: msg, Hash: message.Hash(msg), EnvelopeFrom: "bounce@news.example", MessageIDDomain: "news.example"}
}()
