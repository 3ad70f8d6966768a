package trend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Follow reads a log as it grows, like tail -F: from its present end, and from
// the beginning of its successor when it is rotated or cut. Reads wait for more
// until ctx ends, then they return io.EOF.
func Follow(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("follow log: %w", err)
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		f.Close()
		return nil, fmt.Errorf("follow log: %w", err)
	}
	return &follower{ctx: ctx, path: path, f: f}, nil
}

// followEvery is how often a log is looked at that has nothing new.
const followEvery = 200 * time.Millisecond

type follower struct {
	ctx  context.Context
	path string
	f    *os.File
	gone bool // another file has the name; this one is read to its end first
}

func (l *follower) Close() error { return l.f.Close() }

func (l *follower) Read(b []byte) (int, error) {
	for {
		n, err := l.f.Read(b)
		if n > 0 || err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		again, err := l.reopen()
		if err != nil {
			return 0, err
		}
		if again {
			continue
		}
		select {
		case <-l.ctx.Done():
			return 0, io.EOF
		case <-time.After(followEvery):
		}
	}
}

// reopen turns to the file that has the log's name now, if that is another or
// has been cut. What the old one held has been read to its end.
func (l *follower) reopen() (bool, error) {
	now, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // between two files
	}
	if err != nil {
		return false, fmt.Errorf("follow log: %w", err)
	}
	old, err := l.f.Stat()
	if err != nil {
		return false, fmt.Errorf("follow log: %w", err)
	}
	if os.SameFile(now, old) {
		at, err := l.f.Seek(0, io.SeekCurrent)
		if err != nil || now.Size() >= at {
			return false, err
		}
		_, err = l.f.Seek(0, io.SeekStart)
		return true, err
	}
	if !l.gone { // what was written just before the rotation
		l.gone = true
		return true, nil
	}
	next, err := os.Open(l.path)
	if err != nil {
		return false, fmt.Errorf("follow log: %w", err)
	}
	l.f.Close()
	l.f, l.gone = next, false
	return true, nil
}
