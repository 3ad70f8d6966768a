package writer

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest/summary"
)

// Writer asks one language model. It may be used concurrently.
type Writer struct {
	DB  *schema.DB
	Now func() time.Time
	Log *slog.Logger

	URL   string // of the endpoint, .../v1/chat/completions; see Check
	Model string
	Key   string // "" = none is sent

	Input       int           // most words of an article that are sent; default 1500
	Timeout     time.Duration // of one request; default 20 s
	Concurrency int           // requests at once; default 2

	DailyTokens int64   // a day, UTC, over all processes; default 200,000
	DailyCost   float64 // in the currency of the prices; 0 = no cap
	PriceIn     float64 // of a million tokens sent
	PriceOut    float64 // of a million tokens received

	once    sync.Once
	client  *http.Client
	places  chan struct{} // one for each request under way
	breaker breaker
	flights flights
	pause   func(context.Context, time.Duration) error
}

// Refused is returned when a guard keeps the model's text out, or the article in.
type Refused struct{ Guard, Why string }

func (r *Refused) Error() string { return r.Guard + ": " + r.Why }

// Reason is the sentence for the desk.
func (r *Refused) Reason() string { return r.Why }

// Failed is returned when there is no answer to judge.
type Failed struct {
	Why    string
	billed bool // perhaps
}

func (f *Failed) Error() string { return f.Why }

// Reason is the sentence for the desk.
func (f *Failed) Reason() string { return f.Why }

func (w *Writer) init() {
	if w.Input == 0 {
		w.Input = 1500
	}
	if w.Timeout == 0 {
		w.Timeout = 20 * time.Second
	}
	if w.Concurrency == 0 {
		w.Concurrency = 2
	}
	if w.DailyTokens == 0 {
		w.DailyTokens = 200_000
	}
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	if w.pause == nil {
		w.pause = pause
	}
	w.places = make(chan struct{}, w.Concurrency)
	w.client = newClient()
}

// Summarize writes a summary of d within o, or says why there is none: the
// error is a *Refused or a *Failed. The headline and what the feed says of the
// article are used as the article is.
func (w *Writer) Summarize(ctx context.Context, d summary.Doc, o summary.Options) (summary.Summary, error) {
	w.once.Do(w.init)
	if o.Words <= 0 {
		o.Words = 60
	}
	if o.Sentences <= 0 {
		o.Sentences = 3
	}
	text, err := w.write(ctx, d, o)
	if err != nil {
		w.Log.Info("no summary by the language model", "headline", d.Title, "why", err)
		return summary.Summary{}, err
	}
	return summary.Summary{Text: text, Method: "ai", Reason: "written by " + w.Model}, nil
}

func (w *Writer) write(ctx context.Context, d summary.Doc, o summary.Options) (string, error) {
	a, err := read(d, w.Input)
	if err != nil {
		return "", err
	}
	if summary.Words(a.text) <= o.Words {
		return "", &Refused{"length", "the article is short enough to be quoted"}
	}
	hash := w.hash(a, o)
	return w.flights.do(ctx, hash, func() (string, error) {
		if text, found, err := w.cached(ctx, hash); err != nil {
			return "", err
		} else if found { // the guards of today, and all of the article, may be others
			return hold(text, newPrompt(a, o), a, o)
		}
		select {
		case w.places <- struct{}{}:
			defer func() { <-w.places }()
		case <-ctx.Done():
			return "", unasked(ctx)
		}
		return w.ask(ctx, hash, a, o)
	})
}

// ask makes one request, keeps its answer, and judges it.
func (w *Writer) ask(ctx context.Context, hash string, a article, o summary.Options) (string, error) {
	if !w.breaker.allows(w.Now()) {
		return "", &Failed{Why: "it failed several times in a row and is left alone for some minutes"}
	}
	p := newPrompt(a, o)
	answer, err := w.post(ctx, p)
	if err != nil {
		return "", err
	}
	text, err := judge(answer, p, a, o)
	if kept := w.keep(ctx, hash, answer, text, err); kept != nil {
		w.Log.Error("keep the language model's answer", "err", kept)
	}
	return text, err
}

// judge takes the text out of an answer and holds it against the guards.
func judge(answer reply, p prompt, a article, o summary.Options) (string, error) {
	text, err := answer.text()
	if err != nil {
		return "", err
	}
	return hold(text, p, a, o)
}

// hold holds a text against the guards.
func hold(text string, p prompt, a article, o summary.Options) (string, error) {
	d := newDraft(text, p, a, o)
	for _, g := range guards {
		if why := g.holds(d); why != "" {
			return "", &Refused{g.name, why}
		}
	}
	return strings.Join(d.lines, "\n"), nil
}
