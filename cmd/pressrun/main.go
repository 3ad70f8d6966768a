// Command pressrun collects a newsroom's stories, ranks them by what people
// read, and mails them as digests that were approved, sealed and accounted for.
//
// One binary, one process: see the verbs with pressrun --help. The code begins
// at press.go, which tells the whole flow on one page.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // zones are known on every machine

	"github.com/alecthomas/kong"

	"pressrun/deploy/installation"
	"pressrun/deploy/schema"
	"pressrun/digest"
	"pressrun/subscribers"
)

// Exit codes, beside 0.
const (
	exitFailed = 1 // what was asked for did not work; the message says why
	exitUsage  = 2 // the command line or the configuration is wrong
)

// env is what every verb is given.
type env struct {
	ctx    context.Context
	out    io.Writer // results
	err    io.Writer // progress and remarks
	in     io.Reader
	config string
	json   bool
	log    *slog.Logger
}

// verbs is the command line.
type verbs struct {
	Config string `short:"c" default:"press.toml" env:"PRESSRUN_CONFIG" help:"Configuration file."`
	JSON   bool   `name:"json" help:"Print JSON on standard output."`
	Quiet  bool   `short:"q" help:"Log warnings and errors alone."`

	Demo    demoVerb    `cmd:"" help:"A whole newsroom on this machine: sample site, readers, built-in inbox, desk."`
	Init    initVerb    `cmd:"" help:"Set up a newsroom for a site, and show a first draft."`
	Serve   serveVerb   `cmd:"" help:"Run everything: schedule, collect, build, send, web."`
	Arm     armVerb     `cmd:"" help:"Let mail leave this machine, after a code from a test mail."`
	Disarm  disarmVerb  `cmd:"" help:"Send everything to the built-in catcher again."`
	Stop    stopVerb    `cmd:"" help:"Halt all sending in all processes within a second, until start."`
	Start   startVerb   `cmd:"" help:"Let sending go on after stop."`
	Doctor  doctorVerb  `cmd:"" help:"Look whether everything this newsroom needs is in order."`
	Migrate migrateVerb `cmd:"" help:"Bring the database to this version."`
	Backup  backupVerb  `cmd:"" help:"Copy database, configuration, link keys and journal, while serve runs."`
	Restore restoreVerb `cmd:"" help:"Bring a backup back; replaces nothing, and leaves sending stopped."`
	Version versionVerb `cmd:"" help:"Print the version."`
	Conf    configVerb  `cmd:"" name:"config" help:"Look at the configuration."`

	Source      sourceVerb      `cmd:"" help:"Feeds, WordPress sites, sitemaps and page lists that are polled."`
	Story       storyVerb       `cmd:"" help:"Stories told by the sources."`
	Trend       trendVerb       `cmd:"" help:"What is read, and how it ranks."`
	Newsletter  newsletterVerb  `cmd:"" help:"Recurring products: sections, schedule, policy, list, sender."`
	Issue       issueVerb       `cmd:"" help:"What a slot produced: build, look, change, approve, send, explain."`
	Delivery    deliveryVerb    `cmd:"" help:"One copy for one reader each: the ledger."`
	List        listVerb        `cmd:"" help:"Lists that readers subscribe to."`
	Segment     segmentVerb     `cmd:"" help:"Named rules over subscribers."`
	Subscriber  subscriberVerb  `cmd:"" help:"Readers, and with which right we write to them."`
	Suppression suppressionVerb `cmd:"" help:"Addresses that are never written to."`
	Key         keyVerb         `cmd:"" help:"Keys that sign the links in mails."`
	DKIM        dkimVerb        `cmd:"" name:"dkim" help:"Keys that sign the mail of a domain."`
	User        userVerb        `cmd:"" help:"People who may use the desk."`
	Token       tokenVerb       `cmd:"" help:"Programs that may call the API."`
	Audit       auditVerb       `cmd:"" help:"Who did what."`
	Bounce      bounceVerb      `cmd:"" help:"Bounces, complaints and automatic replies."`

	Extract    extractVerb    `cmd:"" help:"Article text and metadata of a page, as JSON. Needs no database."`
	Feed       feedVerb       `cmd:"" help:"Read feeds. Needs no database."`
	Summarize  summarizeVerb  `cmd:"" help:"Summaries of articles: JSON lines in, JSON lines out. Needs no database."`
	Address    addressVerb    `cmd:"" help:"Mail addresses. Needs no database."`
	Completion completionVerb `cmd:"" help:"Print what a shell needs to complete verbs and flags: source <(pressrun completion bash)."`
	Bench      benchVerb      `cmd:"" help:"Measure the product's own path on this machine."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program as a function: arguments in, exit code out.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	var v verbs
	exited := -1
	parser, err := kong.New(&v, kong.Name("pressrun"), kong.Description("A digest a newsroom can leave unattended, and prove afterwards what everyone got and why.\n\nExit codes: 0 done, 1 it did not work (the message says why), 2 the command line or the configuration is wrong."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Writers(out, errs), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		fmt.Fprintln(errs, "pressrun:", err)
		return exitUsage
	}
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "help": // as other programs have it
		args = append(slices.Clone(args[1:]), "--help")
	case args[0] == "--version":
		args = []string{"version"}
	}
	k, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(errs, "pressrun: %s; see pressrun %s--help\n", inWords(err), wordsSoFar(err))
		return exitUsage
	}
	level := slog.LevelInfo
	if v.Quiet {
		level = slog.LevelWarn
	}
	e := &env{ctx: ctx, out: out, err: errs, in: &interruptible{ctx: ctx, in: in}, config: v.Config, json: v.JSON, log: logTo(errs, level)}
	if err := k.Run(e); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return exitFailed
		}
		fmt.Fprintf(errs, "pressrun %s: %s\n", firstWords(k.Command()), withAdvice(err)+whatThereIs(k.Command(), err))
		var wrong ConfigError
		if errors.As(err, &wrong) {
			return exitUsage
		}
		return exitFailed
	}
	return 0
}

// interruptible reads what is typed or piped in, until its context ends: a verb that
// waits for input must not keep Ctrl-C waiting. Before it is read nothing is, for a
// process in the background may not read from its terminal.
type interruptible struct {
	ctx   context.Context
	in    io.Reader
	begin sync.Once
	pipe  *io.PipeReader
}

func (i *interruptible) Read(b []byte) (int, error) {
	i.begin.Do(func() {
		r, w := io.Pipe()
		i.pipe = r
		context.AfterFunc(i.ctx, func() { w.CloseWithError(i.ctx.Err()) })
		go func() {
			_, err := io.Copy(w, i.in)
			w.CloseWithError(err)
		}()
	})
	return i.pipe.Read(b)
}

// notFound finds the noun that was looked for in an error that ends with it.
var notFound = regexp.MustCompile(`\b(source|story|newsletter|issue|list|segment|subscriber|suppression|user|token|key|import) \S+: not found$`)

// whatThereIs says where to look for what was not found: a verb about issues may
// miss a newsletter, one about readers a list.
func whatThereIs(command string, err error) string {
	if !errors.Is(err, digest.ErrNotFound) && !errors.Is(err, subscribers.ErrNotFound) && !errors.Is(err, installation.ErrNotFound) {
		return ""
	}
	noun, _, _ := strings.Cut(command, " ")
	if m := notFound.FindStringSubmatch(err.Error()); m != nil {
		noun = m[1]
	}
	switch noun {
	case "source", "story", "newsletter", "issue", "list", "segment", "subscriber", "suppression", "user", "token", "key":
		return "; what there is, shows: pressrun " + noun + " ls"
	case "import":
		return "; what there is, shows: pressrun subscriber imports"
	case "trend":
		return "; what there is, shows: pressrun trend ls"
	}
	return ""
}

// wordsSoFar are the words of the verb that a command line has named before it
// went wrong, each with a space behind it.
func wordsSoFar(err error) string {
	wrong, ok := errors.AsType[*kong.ParseError](err)
	if !ok || wrong.Context.Selected() == nil {
		return ""
	}
	return strings.TrimPrefix(firstWords(wrong.Context.Selected().FullPath()), "pressrun ") + " "
}

// kongWords are what the reader of command lines says of values, and what a person
// understands.
var kongWords = []struct {
	said *regexp.Regexp
	word string
}{
	{regexp.MustCompile(`expected \w+ value but got "EOL" \(<EOL>\)`), "its value is missing"},
	{regexp.MustCompile(`must be one of "",`), "must be one of "}, // left out is not written
	{regexp.MustCompile(`expected a(?: valid \d+ bit u?int|n int| float) but got ("[^"]*").*`), "$1 is not a number"},
}

// inWords is what is wrong with a command line.
func inWords(err error) string {
	text := err.Error()
	for _, w := range kongWords {
		text = w.said.ReplaceAllString(text, w.word)
	}
	return text
}

// count is how many lines, days or readers, or which page: a number from 1.
type count int

// maxCount is the largest: the number of a line stays one when they are multiplied.
const maxCount = 1_000_000_000

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *count) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxCount {
		return fmt.Errorf("%q is not a number from 1 to %d", text, maxCount)
	}
	*c = count(n)
	return nil
}

// span is a length of time: 45m, 24h or 30d.
type span time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *span) UnmarshalText(text []byte) error {
	d, err := digest.ParseDuration(string(text))
	*s = span(d)
	return err
}

// withAdvice is an error in words, with how to mend it where that is known.
func withAdvice(err error) string {
	text := err.Error()
	if attempts := strings.Split(text, "\n\t"); len(attempts) > 1 { // of PostgreSQL: with TLS, without, to each address
		text = strings.Join(slices.Compact(attempts), " ")
	}
	if advice := schema.Advice(err); advice != "" {
		return text + "; " + advice
	}
	return text
}

// logTo is a log in which errors of the database say how to mend them, whoever
// meets them.
func logTo(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(withAdvice(err))
		}
		return a
	}}))
}

// firstWords is a command without its argument placeholders.
func firstWords(command string) string {
	var words []string
	for w := range strings.FieldsSeq(command) {
		if !strings.HasPrefix(w, "<") {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// open loads the configuration and opens the press for a short command, which
// logs warnings alone.
func (e *env) open() (*Press, error) {
	c, err := LoadConfig(e.config)
	if err != nil {
		return nil, err
	}
	quiet := logTo(e.err, slog.LevelWarn)
	return Open(e.ctx, c, time.Now, quiet)
}

// with opens the press, runs f and closes it.
func (e *env) with(f func(p *Press) error) error {
	p, err := e.open()
	if err != nil {
		return err
	}
	defer p.Close()
	err = f(p)
	if missing := p.Subscribers.Journal.Flush(); missing != nil {
		fmt.Fprintf(e.err, "Not in the journal yet: who has left, is suppressed or erased by this. A restored backup would not know it. pressrun doctor writes it when that is mended: %s\n", withAdvice(missing))
	}
	return err
}

// print writes v as JSON when asked for, else calls text.
func (e *env) print(v any, text func(w io.Writer)) error {
	if e.json {
		v = listed(v)
		enc := json.NewEncoder(e.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	out := &remembering{Writer: e.out}
	text(out)
	return out.err
}

// remembering keeps the first error of its Writer.
type remembering struct {
	io.Writer
	err error
}

func (r *remembering) Write(b []byte) (int, error) {
	n, err := r.Writer.Write(b)
	r.err = cmp.Or(r.err, err)
	return n, err
}

// listed has lists with nothing in them, v itself or below a key of it, printed as
// lists, not as null.
func listed(v any) any {
	switch value := reflect.ValueOf(v); {
	case value.Kind() == reflect.Slice && value.IsNil():
		return []any{}
	case value.Kind() == reflect.Map && value.Type().Elem().Kind() == reflect.Interface:
		out := map[string]any{}
		for key, each := range value.Seq2() {
			out[key.String()] = listed(each.Interface())
		}
		return out
	}
	return v
}

// several is a number with its noun.
func several(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// facts are the ids and counts of what a verb did.
type facts map[string]any

// record writes down what a verb changed, beside what people do at the desk.
func (e *env) record(p *Press, action, object, detail string) error {
	return p.Installation.Audit(e.ctx, "command line", action, object, detail)
}

// did says what a verb changed, in a sentence; as JSON the sentence is "done"
// and the facts stand beside it.
func (e *env) did(f facts, format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	out := facts{"done": line}
	maps.Copy(out, f)
	return e.print(out, func(w io.Writer) { fmt.Fprintln(w, line) })
}
