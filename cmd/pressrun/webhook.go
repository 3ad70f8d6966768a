package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/riverqueue/river"

	"pressrun/templates"
)

// webhookJob tells the newsroom's chat that an alarm was opened or is over. It
// carries what it says: the alarm may have changed by the time it gets through.
type webhookJob struct {
	Alarm   string    `json:"kind"`
	Subject string    `json:"subject"`
	Title   string    `json:"title"`
	Detail  string    `json:"detail,omitempty"`
	State   string    `json:"state"` // open | closed
	Desk    string    `json:"desk"`  // where one looks at it
	At      time.Time `json:"at"`
}

func (webhookJob) Kind() string { return "webhook" }

// InsertOpts implements river.JobArgsWithInsertOpts: eight tries, the last
// more than an hour after the first.
func (webhookJob) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 8} }

// theWebhook is the subject of the alarm that the webhook takes no alarms, deafAt the
// attempt at which it is raised: some minutes after the first.
const (
	theWebhook = "alarm_webhook"
	deafAt     = 5
)

// heard announces a webhook that takes no alarms, by mail and at the desk, and when it
// does again. It returns err.
func (p *Press) heard(ctx context.Context, attempt int, err error) error {
	switch {
	case err == nil:
		p.Clear(ctx, "unreached", theWebhook)
	case attempt == deafAt && ctx.Err() == nil:
		p.Alarm(ctx, "unreached", theWebhook, technically("Who reads there hears of no alarm. Look at alarm_webhook in press.toml; its address may have been taken back.", err))
	}
	return err
}

// webhookTimeout is how long the other side may take to answer.
const webhookTimeout = 10 * time.Second

// tell orders the webhook inside tx, if there is one.
func (p *Press) tell(ctx context.Context, tx *sql.Tx, job webhookJob) error {
	if p.Config.AlarmWebhook == "" {
		return nil
	}
	job.At = p.Now().UTC()
	if _, err := p.Jobs.InsertTx(ctx, tx, job, nil); err != nil {
		return fmt.Errorf("alarm webhook: %w", err)
	}
	return nil
}

// runWebhook posts one alarm as JSON. "text" is what Slack, Mattermost, Teams and
// their kin show; the rest is for programs.
func (p *Press) runWebhook(ctx context.Context, job webhookJob) error {
	text := fmt.Sprintf("%s. %s %s", job.Title, job.Detail, job.Desk)
	if job.State == "closed" {
		text = "Over: " + job.Title + "."
	}
	body, err := json.Marshal(struct {
		Text string `json:"text"`
		webhookJob
	}{text, job})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Config.AlarmWebhook, bytes.NewReader(body))
	if err != nil {
		return errors.New("alarm_webhook is not a web address")
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // its own text would bear the address, which often is a secret
		}
		return fmt.Errorf("post to alarm_webhook: %w", err)
	}
	res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("post to alarm_webhook: it answered %s", res.Status)
	}
	return nil
}

// How often the database is given something to write, and how long it may fail to take
// it before somebody is told; tests are less patient.
var (
	writtenEvery = 30 * time.Second
	unwritten    = 2 * time.Minute
)

// watchDatabase posts by itself that the database takes nothing: no alarm about that
// can be kept there, nor mailed.
func (p *Press) watchDatabase(ctx context.Context) error {
	if p.Config.AlarmWebhook == "" {
		return nil
	}
	job := webhookJob{Alarm: "ledger", Subject: p.DB.Name, Title: "Sending waits: the database cannot be written", Desk: p.Config.PublicURL + "/desk/"}
	told := false
	for since := p.Now(); ; {
		limit, cancel := context.WithTimeout(ctx, 20*time.Second)
		failed := p.Installation.MarkGood(limit, "database", "written")
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if failed == nil {
			since = p.Now()
		}
		if down := p.Now().Sub(since) >= unwritten; down != told {
			job.State, job.Detail, job.At = "closed", "", p.Now().UTC()
			if down {
				job.State, job.Detail = "open", "Since "+templates.Exact(since)+" nothing can be collected, built or sent. All goes on by itself when it works again. Technical text: "+withAdvice(failed)
			}
			if err := p.runWebhook(ctx, job); err != nil {
				p.Log.Error("alarm webhook", "err", err)
			} else {
				told = down
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(writtenEvery):
		}
	}
}
