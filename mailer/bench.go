package mailer

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"pressrun/deploy/schema"
)

// Figures are what Bench measured.
type Figures struct {
	Audience  int           `json:"audience"`
	Accepted  int           `json:"accepted"`
	Uncertain int           `json:"uncertain"` // of the audience, in flight when a process or connection ended
	States    map[State]int `json:"states"`
	Seconds   float64       `json:"seconds"` // from the approval to the last durable result
	Rate      float64       `json:"rate"`    // accepted in these seconds, a second
	// First is when the first message was accepted, from the approval; 0 for an
	// issue that was taken up.
	First float64 `json:"first_message_seconds,omitempty"`
	// CPU seconds of this process, and of the database server when it runs on
	// this machine, for 1,000 accepted messages.
	CPU   float64 `json:"cpu_s_per_1000"`
	DBCPU float64 `json:"db_cpu_s_per_1000"`
	// PeakRSS is the most memory this process ever held, in MB.
	PeakRSS float64 `json:"peak_rss_mb"`
}

// Bench runs the mailer until the issue has nothing left to send, and measures
// that, with what approve does: it approves the issue and freezes its audience.
// Nil takes an issue that is being sent up where it was.
func (m *Mailer) Bench(ctx context.Context, issue int64, approve func(context.Context) error) (Figures, error) {
	before, err := m.Counts(ctx, issue)
	if err != nil {
		return Figures{}, fmt.Errorf("bench: %w", err)
	}
	server := m.serverPID(ctx)
	cpu, serverCPU, began := processCPU(), treeCPU(server), time.Now()
	if approve != nil {
		if err := approve(ctx); err != nil {
			return Figures{}, fmt.Errorf("bench: %w", err)
		}
	}
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- m.Run(run) }()
	waitErr := m.untilSent(ctx, issue, ended)
	took := time.Since(began)
	cpu, serverCPU = processCPU()-cpu, treeCPU(server)-serverCPU
	stop()
	if waitErr == nil {
		waitErr = <-ended
	}
	if waitErr != nil {
		return Figures{}, fmt.Errorf("bench: %w", waitErr)
	}
	f, err := m.figures(context.WithoutCancel(ctx), issue, before[StateAccepted], took, cpu, serverCPU)
	if err == nil && approve != nil {
		f.First, err = m.firstAfter(context.WithoutCancel(ctx), issue, began)
	}
	return f, err
}

// firstAfter is how many seconds after began the first message was accepted.
func (m *Mailer) firstAfter(ctx context.Context, issue int64, began time.Time) (float64, error) {
	var at schema.Time
	err := m.DB.Read.QueryRowContext(ctx, `select min(done_at) from deliveries where issue_id = $1 and state = 'accepted'`, issue).Scan(&at)
	if err != nil || at.IsZero() {
		return 0, err
	}
	return at.Sub(began).Seconds(), nil
}

// untilSent waits until nothing of the issue is left to do. It looks from the
// end of what is due, and by no other index: all that is sent lies before.
func (m *Mailer) untilSent(ctx context.Context, issue int64, ended <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return fmt.Errorf("the mailer ended: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
		if some, err := m.anyWaiting(ctx, issue); err != nil {
			return err
		} else if some {
			continue
		}
		var one int
		err := m.DB.Read.QueryRowContext(ctx, `select 1 from deliveries where done_at is null and +issue_id = $1 order by next_at desc, id desc limit 1`, issue).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (m *Mailer) figures(ctx context.Context, issue int64, before int, took, cpu, serverCPU time.Duration) (Figures, error) {
	counts, err := m.Counts(ctx, issue)
	if err != nil {
		return Figures{}, fmt.Errorf("bench: %w", err)
	}
	f := Figures{Accepted: counts[StateAccepted], States: counts, Seconds: took.Seconds(), PeakRSS: peakRSS()}
	for _, n := range counts {
		f.Audience += n
	}
	f.Uncertain, err = m.Doubtful(ctx, issue)
	if err != nil {
		return Figures{}, fmt.Errorf("bench: %w", err)
	}
	if sent := f.Accepted - before; sent > 0 {
		f.Rate = float64(sent) / f.Seconds
		f.CPU = cpu.Seconds() / float64(sent) * 1000
		f.DBCPU = serverCPU.Seconds() / float64(sent) * 1000
	}
	return f, nil
}

// serverPID is the process id of a PostgreSQL server on this machine, 0 when
// there is none.
func (m *Mailer) serverPID(ctx context.Context) int {
	if m.DB.Engine != schema.Postgres {
		return 0
	}
	var pid int
	if err := m.DB.Read.QueryRowContext(ctx, `select pg_backend_pid()`).Scan(&pid); err != nil {
		return 0
	}
	parent, _, ok := usedBy(pid)
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(parent), "comm"))
	if !ok || err != nil || !bytes.HasPrefix(name, []byte("postgres")) {
		return 0
	}
	return parent
}

// treeCPU is what a process and its children have used, those that ended
// included.
func treeCPU(pid int) time.Duration {
	if pid == 0 {
		return 0
	}
	_, sum, _ := usedBy(pid)
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		child, err := strconv.Atoi(filepath.Base(p))
		if err != nil {
			continue
		}
		if parent, used, ok := usedBy(child); ok && parent == pid {
			sum += used
		}
	}
	return sum
}

// usedBy is the parent of a process, and the CPU time of itself and of its children
// that ended.
func usedBy(pid int) (parent int, used time.Duration, ok bool) {
	fields := statOf(pid)
	if len(fields) < 15 {
		return 0, 0, false
	}
	parent, _ = strconv.Atoi(fields[1])
	ticks := 0
	for _, f := range fields[11:15] {
		n, _ := strconv.Atoi(f)
		ticks += n
	}
	return parent, time.Duration(ticks) * 10 * time.Millisecond, true
}

func processCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func peakRSS() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return float64(u.Maxrss) / (1 << 20)
	}
	return float64(u.Maxrss) / (1 << 10)
}
