package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/digest/story"
	"pressrun/digest/summary"
	"pressrun/digest/trend"
	"pressrun/subscribers/address"
)

// The verbs that need no database. Each is the very call that serve uses.

type extractVerb struct {
	URL  string `name:"url" help:"Address of the page, to resolve its links."`
	File string `arg:"" optional:"" default:"-" help:"HTML file, - for standard input."`
}

func (v *extractVerb) Run(e *env) error {
	page, err := readAll(e, v.File)
	if err != nil {
		return err
	}
	a, err := article.Extract(page, article.Options{URL: v.URL})
	if err != nil {
		return fmt.Errorf("%s: %w", v.File, err)
	}
	return article.WriteJSON(e.out, a)
}

// maxInput bounds what is read from a file or standard input at once.
const maxInput = 64 << 20

func readAll(e *env, name string) ([]byte, error) {
	in := e.in
	if strings.Contains(name, "://") {
		return nil, fmt.Errorf("%s is an address, and a file is read here: save the page and give its name with --url %[1]s, or have it read as serve does: pressrun source test %[1]s", name)
	}
	if name != "-" && name != "" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(b) > maxInput {
		err = fmt.Errorf("%s is larger than %d MB", name, maxInput>>20)
	}
	return b, err
}

type feedVerb struct {
	Parse feedParse `cmd:"" help:"Read a feed, a WordPress answer or a news sitemap, as JSON."`
}

type feedParse struct {
	URL  string `name:"url" help:"Address of the feed, to resolve its links."`
	Type string `help:"Content type the server sent."`
	File string `arg:"" optional:"" default:"-" help:"File, - for standard input."`
}

func (v *feedParse) Run(e *env) error {
	body, err := readAll(e, v.File)
	if err != nil {
		return err
	}
	f, err := feed.Parse(body, v.Type, v.URL)
	if err != nil {
		return fmt.Errorf("%s: %w", v.File, err)
	}
	return feed.WriteJSON(e.out, f)
}

type summarizeVerb struct {
	Words     int  `default:"60" help:"Most words of a summary."`
	Sentences int  `default:"3" help:"Most sentences of a summary."`
	Edition   bool `help:"The articles are one edition, in its order: nothing is said twice."`
}

func (v *summarizeVerb) Run(e *env) error {
	return buffered(e, func(in io.Reader, out io.Writer) error {
		return summary.ReplayJSON(in, out, summary.Options{Words: v.Words, Sentences: v.Sentences}, v.Edition)
	})
}

func buffered(e *env, f func(io.Reader, io.Writer) error) error {
	w := bufio.NewWriterSize(e.out, 1<<16)
	return errors.Join(f(bufio.NewReaderSize(e.in, 1<<16), w), w.Flush())
}

type storyCluster struct{}

func (storyCluster) Run(e *env) error { return buffered(e, story.ReplayJSON) }

type trendReplay struct{}

func (trendReplay) Run(e *env) error { return trend.Replay(e.in, e.out) }

type addressVerb struct {
	Check addressCheck `cmd:"" help:"Check addresses, one a line."`
}

type addressCheck struct{}

func (addressCheck) Run(e *env) error { return buffered(e, address.CheckLines) }

type versionVerb struct{}

func (versionVerb) Run(e *env) error {
	info := version()
	return e.print(info, func(w io.Writer) { fmt.Fprintln(w, "pressrun", info["version"], info["go"]) })
}

func version() map[string]string {
	out := map[string]string{"version": "devel"}
	if b, ok := debug.ReadBuildInfo(); ok {
		out["go"] = b.GoVersion
		if b.Main.Version != "" && b.Main.Version != "(devel)" {
			out["version"] = b.Main.Version
		}
	}
	return out
}
