package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pressrun/digest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/mailer"
	"pressrun/mailer/dkim"
	"pressrun/subscribers"
	"pressrun/subscribers/importer"
	"pressrun/templates"
)

type benchVerb struct {
	Send benchSend `cmd:"" help:"Send an issue to made-up readers through a test relay, on the product's own path, and measure it."`
}

type benchSend struct {
	To          string `required:"" help:"Relay, on this machine: smtp://127.0.0.1:2525"`
	Readers     int    `default:"10000" help:"How many readers."`
	Connections int    `default:"10" help:"Connections to the relay."`
	DB          string `name:"db" help:"Database; a SQLite file in --dir when left out."`
	Dir         string `help:"Directory for the data; given again after a kill, the same issue goes on."`
	Sign        bool   `help:"Sign each message with RSA-2048, and say how much of what all cores can sign was reached."`
	Force       bool   `help:"Send to a relay that is not on this machine."`
}

// Validate refuses a measurement of nothing.
func (v *benchSend) Validate() error {
	if v.Readers < 1 || v.Connections < 1 {
		return errors.New("--readers and --connections count from 1")
	}
	return nil
}

func (v *benchSend) Run(e *env) error {
	if !loopback(v.To) && !v.Force {
		return fmt.Errorf("--to %s is not on this machine; readers of a bench do not exist, so their mail must not leave it (--force if the relay swallows it)", redact(v.To))
	}
	if v.Dir == "" {
		dir, err := os.MkdirTemp("", "pressrun-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		v.Dir = dir
	}
	if err := os.MkdirAll(v.Dir, 0o755); err != nil {
		return err
	}
	key, err := v.key()
	if err != nil {
		return err
	}
	raw := rawRate(key)
	p, err := v.open(e)
	if err != nil {
		return err
	}
	defer p.Close()
	id, approve, err := v.issue(e, p)
	if err != nil {
		return err
	}
	f, err := p.Mailer.Bench(e.ctx, id, approve)
	if err != nil {
		return err
	}
	raw = (raw + rawRate(key)) / 2
	out := benchFigures{Figures: f, Raw: raw}
	if raw > 0 {
		out.Signed = f.Rate / raw
	}
	return e.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "%d of %d accepted, %d were uncertain\n%.1f s, %.0f messages a second\n%.3f CPU-s per 1,000 here, %.3f in the database server; %.0f MB at most\n",
			f.Accepted, f.Audience, f.Uncertain, f.Seconds, f.Rate, f.CPU, f.DBCPU, f.PeakRSS)
		if f.First > 0 {
			fmt.Fprintf(w, "the first message was accepted %.2f s after the approval\n", f.First)
		}
		if raw > 0 {
			fmt.Fprintf(w, "signed with RSA-2048: %.2f of the %.0f a second that the cores can sign\n", out.Signed, raw)
		}
	})
}

// benchFigures are the mailer's, and what signing adds to them.
type benchFigures struct {
	mailer.Figures
	Raw    float64 `json:"raw_signatures_per_s,omitempty"` // by all cores at once, measured before and after
	Signed float64 `json:"signed_of_raw,omitempty"`
}

// benchKey is the file of the key that --sign makes.
const benchKey = "bench.pem"

// key makes the key to sign with; nil without --sign.
func (v *benchSend) key() (crypto.Signer, error) {
	if !v.Sign {
		return nil, nil
	}
	text, err := dkim.GenerateKey("rsa")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(v.Dir, benchKey), text, 0o600); err != nil {
		return nil, err
	}
	return dkim.ParseKey(text)
}

// rawRate measures how many signatures a second all cores make with key.
func rawRate(key crypto.Signer) float64 {
	if key == nil {
		return 0
	}
	var sum [32]byte
	var made atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range runtime.NumCPU() {
		all.Go(func() {
			for time.Since(began) < 2*time.Second {
				if _, err := key.Sign(nil, sum[:], crypto.SHA256); err == nil {
					made.Add(1)
				}
			}
		})
	}
	all.Wait()
	return float64(made.Load()) / time.Since(began).Seconds()
}

func (v *benchSend) open(e *env) (*Press, error) {
	c := Config{
		Database: cmp.Or(v.DB, filepath.Join(v.Dir, "press.db")), PublicURL: "https://bench.example.test", Keys: filepath.Join(v.Dir, "link.keys"),
		Journal: filepath.Join(v.Dir, "departures.journal"), Fetch: FetchConfig{Delay: "0s"}, path: filepath.Join(v.Dir, "press.toml"),
		Relays: []RelayConfig{{Name: "bench", URL: v.To, Connections: v.Connections}},
	}
	if v.Sign {
		c.DKIM = []DKIMConfig{{Domain: "bench.example.test", Selector: "bench", KeyFile: benchKey}}
	}
	return Open(e.ctx, c, time.Now, logTo(e.err, slog.LevelWarn))
}

// issue returns the running issue of an earlier call, or makes list, readers,
// stories and an issue, and what approves and starts it.
func (v *benchSend) issue(e *env, p *Press) (id int64, approve func(context.Context) error, err error) {
	running, err := p.Digest.IssuesIn(e.ctx, "sending", "sent")
	if err != nil {
		return 0, nil, err
	}
	if len(running) > 0 {
		fmt.Fprintf(e.err, "going on with issue %d\n", running[0].ID)
		return running[0].ID, nil, nil
	}
	if err := v.readers(e, p); err != nil {
		return 0, nil, err
	}
	if id, err = benchIssue(e.ctx, p); err != nil {
		return 0, nil, err
	}
	return id, func(ctx context.Context) error {
		if err := p.approve(ctx, id, 0, "bench", true); err != nil {
			return err
		}
		return p.start(ctx, id)
	}, nil
}

// readers imports user<i>@d<i mod 50>.example.test, unless they are there.
func (v *benchSend) readers(e *env, p *Press) error {
	_, err := p.Subscribers.CreateList(e.ctx, subscribers.List{Name: "bench", Title: "Bench"})
	if err != nil && !errors.Is(err, subscribers.ErrTaken) {
		return err
	}
	began := time.Now()
	for from := 0; from < v.Readers; from += benchFile {
		if err := v.file(e, p, from, min(from+benchFile, v.Readers)); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.err, "\r%d readers imported in %.1f s\n", v.Readers, time.Since(began).Seconds())
	return p.DB.Analyze(e.ctx, "subscriptions")
}

// benchFile is how many readers a file has: an import remembers all of its own,
// and it is not what is measured.
const benchFile = 100_000

func (v *benchSend) file(e *env, p *Press, from, to int) error {
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(w, 1<<16)
		fmt.Fprintln(b, "email,name")
		for i := from; i < to; i++ {
			fmt.Fprintf(b, "user%d@d%d.example.test,First%d Last%d\n", i, i%50, i, i)
		}
		w.CloseWithError(b.Flush())
	}()
	_, err := importer.Import(e.ctx, p.Subscribers, r, importer.Options{List: "bench", Source: "bench: readers that do not exist", Evidence: "none is needed", By: "bench", File: "bench.csv",
		Progress: func(n int) { fmt.Fprintf(e.err, "\r%d of %d readers imported ", from+n, v.Readers) }})
	return err
}

// benchIssue makes a newsletter whose mails are about 30 KB on the wire.
func benchIssue(ctx context.Context, p *Press) (int64, error) {
	src, err := p.Digest.AddSource(ctx, digest.Source{Kind: "feed", URL: "https://bench.example.test/feed", SiteURL: "https://bench.example.test/", Title: "Bench News", Rights: "own"})
	if err != nil {
		return 0, err
	}
	if err := benchStories(ctx, p, src); err != nil {
		return 0, err
	}
	n, _, err := p.Digest.ApplyNewsletter(ctx, "bench", digest.Spec{
		Title: "Bench", List: "bench", From: "Bench News <digest@bench.example.test>", Settle: digest.Duration(time.Millisecond),
		Brand: templates.Brand{Name: "Bench News", URL: "https://bench.example.test/", Postal: "1 Bench Street"},
	}, "bench")
	if err != nil {
		return 0, err
	}
	slot, err := p.Digest.AddSlot(ctx, n.ID, p.Now())
	if err != nil {
		return 0, err
	}
	issue, err := p.Build(ctx, slot.ID)
	return issue.ID, err
}

func benchStories(ctx context.Context, p *Press, src digest.Source) error {
	var items []feed.Item
	for i := range 10 {
		link := fmt.Sprintf("https://bench.example.test/story-%d", i)
		items = append(items, feed.Item{ID: link, URL: link, Title: fmt.Sprintf("Harbour council agrees on plan %s for the old quarter", benchWord(rand.New(rand.NewPCG(uint64(i), 0)))), Published: p.Now().Add(-time.Duration(i+1) * time.Hour)})
	}
	if _, _, err := p.Digest.AddEntries(ctx, src, items, time.Time{}); err != nil {
		return err
	}
	if err := p.Digest.StillListed(ctx, src); err != nil { // the second poll that a story needs
		return err
	}
	entries, err := p.Digest.UnreadEntries(ctx, src.ID, len(items))
	if err != nil {
		return err
	}
	for i, entry := range entries {
		text := benchText(i)
		if _, err := p.Digest.Tell(ctx, src, entry, article.Article{URL: entry.URL, Title: entry.Title, Text: text, Language: "en", Kind: "article"}); err != nil {
			return err
		}
	}
	return nil
}

// benchText is about 600 bytes that no other story has in common: two that had
// would be one story.
func benchText(story int) string {
	rng := rand.New(rand.NewPCG(uint64(story), 1))
	var b strings.Builder
	for range 12 {
		fmt.Fprintf(&b, "%s of %s %s the %s. ", strings.ToUpper(benchWord(rng)[:1])+benchWord(rng), benchWord(rng), benchWord(rng), benchWord(rng))
	}
	return b.String()
}

func benchWord(rng *rand.Rand) string {
	var b strings.Builder
	for range 4 {
		b.WriteByte("bdfghklmnprstvz"[rng.IntN(15)])
		b.WriteByte("aeiou"[rng.IntN(5)])
	}
	return b.String()
}
