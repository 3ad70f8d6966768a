package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"pressrun/digest"
	"pressrun/digest/trend"
	"pressrun/subscribers"
)

// The jobs. Each names rows and nothing else: what is to be done is decided by
// the rows when it runs, so it may run twice, late or not at all.
type (
	collectJob struct {
		Source int64 `json:"source"`
		Due    int64 `json:"due"`
		Try    int64 `json:"try"`
	}
	buildJob struct {
		Slot int64 `json:"slot"`
		Try  int64 `json:"try"`
	}
	watchJob struct {
		Issue int64 `json:"issue"`
		Round int64 `json:"round"`
	}
	nightJob struct { // house-keeping and the fit of the ranking
		Day int64 `json:"day"`
	}
	sampleJob struct { // what the fit learns from
		Hour int64 `json:"hour"`
	}
	inspectJob struct { // what surrounds us
		Quarter int64 `json:"quarter"`
	}
	snapshotJob struct { // what ranks an issue while the counters are away
		Quarter int64 `json:"quarter"`
	}
)

func (collectJob) Kind() string  { return "collect" }
func (buildJob) Kind() string    { return "build" }
func (watchJob) Kind() string    { return "watch" }
func (nightJob) Kind() string    { return "night" }
func (sampleJob) Kind() string   { return "sample" }
func (inspectJob) Kind() string  { return "inspect" }
func (snapshotJob) Kind() string { return "snapshot" }

// collecting has hands of its own: sources that hang keep no issue waiting.
const (
	collecting = "collect"
	collectors = 8
)

// InsertOpts implements river.JobArgsWithInsertOpts.
func (collectJob) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: collecting} }

// jobTimeout ends a job that hangs; the next tick orders it anew.
const jobTimeout = 4 * time.Minute

func (p *Press) openJobs() error {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[collectJob]) error {
		return p.runCollect(ctx, j.Args)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[buildJob]) error {
		_, err := p.Build(ctx, j.Args.Slot)
		return err
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[watchJob]) error {
		return p.Watch(ctx, j.Args.Issue)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[nightJob]) error {
		return p.Night(ctx)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[sampleJob]) error {
		return p.Ranker.Sample(ctx)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[inspectJob]) error {
		return p.Inspect(ctx, j.Args.Quarter)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[snapshotJob]) error {
		return p.Ranker.Snapshot(ctx)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[webhookJob]) error {
		return p.heard(ctx, j.Attempt, p.runWebhook(ctx, j.Args))
	}))
	river.AddWorker(workers, &importWorker{press: p})
	log := slog.New(&warnings{Handler: p.Log.Handler()})
	client, err := river.NewClient(p.DB.River(), &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}, collecting: {MaxWorkers: collectors}},
		Workers:              workers,
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: jobTimeout + time.Minute,
		FetchCooldown:        50 * time.Millisecond,
		FetchPollInterval:    time.Second, // what this process orders is fetched at once
		Logger:               log,
		ErrorHandler:         jobErrors{log},

		CompletedJobRetentionPeriod: keepJobs,
		DiscardedJobRetentionPeriod: keepFailedJobs,
	})
	if err != nil {
		return fmt.Errorf("open job queue: %w", err)
	}
	p.Jobs = client
	return nil
}

// warnings lets only the job queue's warnings and errors through, each once a minute:
// one line per fact is ours to write, and while the database is away the queue tries
// ten times a second.
type warnings struct {
	slog.Handler

	mu   sync.Mutex
	last map[string]time.Time // message → when it was logged
}

func (w *warnings) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (w *warnings) Handle(ctx context.Context, r slog.Record) error {
	w.mu.Lock()
	again := r.Time.Sub(w.last[r.Message]) < time.Minute
	if !again {
		if w.last == nil || len(w.last) > 1000 {
			w.last = map[string]time.Time{}
		}
		w.last[r.Message] = r.Time
	}
	w.mu.Unlock()
	if again {
		return nil
	}
	return w.Handler.Handle(ctx, r)
}

// jobErrors tells which jobs failed: the queue does so as mere information.
type jobErrors struct{ log *slog.Logger }

// HandleError implements river.ErrorHandler. A job that ends with serve is not told.
func (e jobErrors) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	if !errors.Is(err, context.Canceled) {
		e.log.Error("job "+job.Kind+" failed", "attempt", job.Attempt, "job", string(job.EncodedArgs), "err", err)
	}
	return nil
}

// HandlePanic implements river.ErrorHandler.
func (e jobErrors) HandlePanic(_ context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	e.log.Error("job "+job.Kind+" panicked", "job", string(job.EncodedArgs), "value", value, "trace", trace)
	return nil
}

// openStates are those in which a job still has something to do: the same work
// is not ordered twice meanwhile.
var openStates = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
}

// enqueue orders a job once: it does nothing while the same one is open.
func (p *Press) enqueue(ctx context.Context, args river.JobArgs) error {
	_, err := p.Jobs.Insert(ctx, args, &river.InsertOpts{MaxAttempts: 2, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: openStates}})
	if err != nil {
		return fmt.Errorf("order job %s: %w", args.Kind(), err)
	}
	return nil
}

// once orders a job that is done once for its arguments, also when it has
// finished long ago.
func (p *Press) once(ctx context.Context, args river.JobArgs) error {
	_, err := p.Jobs.Insert(ctx, args, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}})
	if err != nil {
		return fmt.Errorf("order job %s: %w", args.Kind(), err)
	}
	return nil
}

func (p *Press) runCollect(ctx context.Context, job collectJob) error {
	src, err := p.Digest.Source(ctx, job.Source)
	if err != nil {
		return err
	}
	if src.State == "paused" || !src.Due(p.Now()) {
		return nil // done by another process meanwhile
	}
	got, err := p.collect(ctx, src, p.backlogOf(src))
	if err != nil {
		return err
	}
	if got.Err == "" {
		if err := p.Collector.LookForIcon(ctx, src); err != nil {
			return err
		}
	}
	p.Log.Info("collected", "source", src.URL, "new", got.New, "stories", got.Stories, "failed", got.Failed, "problem", got.Err)
	return nil
}

// backlogOf is how old the news of a source may be: of one that was read before
// everything new is news.
func (p *Press) backlogOf(src digest.Source) time.Duration {
	if src.LastOK.IsZero() {
		return p.backlog
	}
	return 7 * 24 * time.Hour
}

// How long what is kept. Each room deletes its own rows in batches, every night,
// and says itself how long it keeps views by the hour (trend.KeepHours), people
// signed in at the desk (installation.SessionAge) and addresses that never
// confirmed anything (subscribers.KeepUnconfirmed). Jobs and the counters in Redis
// expire by themselves.
const (
	keepBodies     = 30 * 24 * time.Hour       // texts of articles; headline and summary stay with their issue
	keepAttempts   = 90 * 24 * time.Hour       // SMTP attempts
	keepLetters    = subscribers.ConfirmWithin // that are done with: they hold an address, and links to act in its name
	keepJobs       = 24 * time.Hour            // that were done
	keepFailedJobs = 7 * 24 * time.Hour        // that were given up
)

// Night does the house-keeping and refits the ranking. A room that fails keeps
// no other from its own.
func (p *Press) Night(ctx context.Context) error {
	_, tending := p.Subscribers.Tend(ctx)
	return errors.Join(
		trend.HouseKeep(ctx, p.DB, p.Now()),
		p.Installation.HouseKeep(ctx, 1000),
		p.Digest.HouseKeep(ctx, keepBodies, 500),
		p.Mailer.HouseKeep(ctx, keepAttempts, keepLetters),
		tending,
		p.Subscribers.DropOldImports(ctx),
		p.Ranker.Fit(ctx),
	)
}
