package writer

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"pressrun/deploy/schema"
	"pressrun/digest/summary"
)

// hash names an article, the length wanted, the model and the prompt's version.
func (w *Writer) hash(a article, o summary.Options) string {
	b, _ := json.Marshal([]any{w.Model, promptVersion, a.language, a.title, a.text, o.Words, o.Sentences})
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// cached is the earlier answer to the same question, also when it was refused.
func (w *Writer) cached(ctx context.Context, hash string) (text string, found bool, err error) {
	var refused string
	err = w.DB.Read.QueryRowContext(ctx, `select summary, refused from model_answers where hash = $1`, hash).Scan(&text, &refused)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", false, nil
	case err != nil:
		return "", false, unasked(ctx)
	case refused != "":
		guard, why, _ := strings.Cut(refused, ": ")
		return "", true, &Refused{guard, why}
	}
	return text, true, nil
}

// unasked is why a failed query left the model unasked.
func unasked(ctx context.Context) *Failed {
	if ctx.Err() != nil {
		return &Failed{Why: "the time for this issue was over before it was asked"}
	}
	return &Failed{Why: "the database did not answer"}
}

// keep stores an answer with what became of it.
func (w *Writer) keep(ctx context.Context, hash string, r reply, text string, err error) error {
	refused := ""
	var no *Refused
	if errors.As(err, &no) {
		refused = no.Error()
	} else if err != nil {
		return nil
	}
	_, err = w.DB.Write.ExecContext(ctx, `
		insert into model_answers (hash, model, summary, refused, tokens, cost, answered_at) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (hash) do update set model = excluded.model, summary = excluded.summary, refused = excluded.refused,
			tokens = excluded.tokens, cost = excluded.cost, answered_at = excluded.answered_at`,
		hash, w.Model, text, refused, r.sent+r.received, w.cost(r.sent, r.received), schema.At(w.Now()))
	return err
}

// reservation is what one request may use of a day's cap.
type reservation struct{ day, sent, received, cost int64 }

// reserve takes the most that a request can use out of what is left of the
// day's caps, in one statement, so that several processes keep them together.
func (w *Writer) reserve(ctx context.Context, p prompt) (reservation, error) {
	r := reservation{day: w.Now().Unix() / 86400, sent: p.tokens(), received: int64(p.maxTokens())}
	r.cost = w.cost(r.sent, r.received)
	if _, err := w.DB.Write.ExecContext(ctx, `insert into model_days (day) values ($1) on conflict (day) do nothing`, r.day); err != nil {
		return r, unasked(ctx)
	}
	res, err := w.DB.Write.ExecContext(ctx, `
		update model_days set requests = requests + 1, tokens = tokens + $2, cost = cost + $3
		where day = $1 and tokens + $2 <= $4 and ($5 = 0 or cost + $3 <= $5)`,
		r.day, r.sent+r.received, r.cost, w.DailyTokens, int64(w.DailyCost*1e6))
	if err != nil {
		return r, unasked(ctx)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return r, &Failed{Why: w.capWords()}
	}
	return r, nil
}

func (w *Writer) capWords() string {
	if w.DailyCost > 0 {
		return fmt.Sprintf("the day's cap of %d tokens or %.2f of money is used up", w.DailyTokens, w.DailyCost)
	}
	return fmt.Sprintf("the day's cap of %d tokens is used up", w.DailyTokens)
}

// settle puts what was really used in place of what was reserved. A request
// that timed out keeps its reservation, because it may be billed.
func (w *Writer) settle(ctx context.Context, held reservation, r reply, err error) error {
	sent, received := r.sent, r.received
	var failed *Failed
	if err == nil && sent+received == 0 || errors.As(err, &failed) && failed.billed {
		return nil // it does not tell
	}
	ctx = context.WithoutCancel(ctx)
	_, err = w.DB.Write.ExecContext(ctx, `update model_days set tokens = tokens + $2, cost = cost + $3 where day = $1`,
		held.day, sent+received-held.sent-held.received, w.cost(sent, received)-held.cost)
	return err
}

// cost is in millionths of the currency of the prices.
func (w *Writer) cost(sent, received int64) int64 {
	return int64(float64(sent)*w.PriceIn + float64(received)*w.PriceOut)
}
