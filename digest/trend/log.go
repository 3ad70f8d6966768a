package trend

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"pressrun/digest/article"
)

// LogOptions say how a web server's log is read.
type LogOptions struct {
	// Site is what the paths of the log are relative to: "https://example.org".
	Site string
	// Path matches the paths of articles; nil = all that do not look like
	// pictures, scripts and the like.
	Path *regexp.Regexp
	// Salt is the day's salt for visitors: Counters.Salt. With it a log may be
	// read twice within two days without counting anybody twice. nil = a salt
	// of this run alone.
	Salt func(ctx context.Context, day int64) ([]byte, error)
	// Key makes the key of an article's address; nil = article.KeyOf.
	Key func(url string) (string, error)
	// Mark says whether a value of the query parameter src marks links of our
	// newsletters. nil = all.
	Mark func(src string) bool
	// Newsroom is the networks of those who make the site: their visits do not
	// count.
	Newsroom []netip.Prefix
	// PerVisitor and PerNetwork bound what counts in an hour, as in [Beacon]:
	// 0 = 60 and 600, less = no bound, for logs that hold a proxy's address.
	PerVisitor, PerNetwork int
	// Now is the clock; nil = time.Now. Lines that the counters cannot take any
	// more are left out.
	Now func() time.Time
}

// LogReport is what became of the lines of a log.
type LogReport struct {
	Lines   int            `json:"lines"`
	Views   int            `json:"views"`          // handed on
	Ignored map[string]int `json:"ignored"`        // by reason
	First   time.Time      `json:"first,omitzero"` // of the views handed on; zero = there was none
	Last    time.Time      `json:"last,omitzero"`
}

// Why a line of a log is not a view, besides the reasons of the beacon.
const (
	ignoredLine   = "not in combined format"
	ignoredHost   = "of another site"
	ignoredStatus = "not a page that was shown" // other methods than GET, other statuses than 200 and 304
	ignoredPath   = "not an article"
	ignoredOld    = "too old"
)

// IngestLog reads a web server's log, in the combined format of nginx and Apache,
// Apache's vhost_combined or Caddy's JSON, until r ends, and hands views of people to add, in batches, whenever
// r has nothing more at hand. Addresses and user agents are hashed at once.
func IngestLog(ctx context.Context, r io.Reader, o LogOptions, add func([]View) error) (LogReport, error) {
	in := &logReader{LogOptions: o, report: LogReport{Ignored: make(map[string]int)}, salts: make(map[int64][]byte)}
	in.Now = clock(o.Now)
	in.PerVisitor, in.PerNetwork = cmp.Or(o.PerVisitor, 60), cmp.Or(o.PerNetwork, 600)
	if in.Key == nil {
		in.Key = func(u string) (string, error) {
			k, err := article.KeyOf(u)
			return string(k), err
		}
	}
	br := bufio.NewReaderSize(r, 64<<10)
	var views []View
	flush := func() error {
		if len(views) == 0 {
			return nil
		}
		err := add(views)
		views = nil
		return err
	}
	for {
		line, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			in.report.Lines++
			in.report.Ignored[ignoredLine]++
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = br.ReadSlice('\n')
			}
			line = nil
		}
		if len(bytes.TrimSpace(line)) > 0 {
			v, why, err := in.line(ctx, string(line))
			if err != nil {
				return in.report, fmt.Errorf("ingest log: line %d: %w", in.report.Lines, err)
			}
			if why != "" {
				in.report.Ignored[why]++
			} else {
				views = append(views, v)
				in.count(v)
			}
		}
		if len(views) >= viewsAtOnce || br.Buffered() == 0 || err != nil {
			if err := flush(); err != nil {
				return in.report, fmt.Errorf("ingest log: %w", err)
			}
		}
		if errors.Is(err, io.EOF) {
			return in.report, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return in.report, fmt.Errorf("ingest log: %w", err)
		}
	}
}

type logReader struct {
	LogOptions
	report LogReport
	salts  map[int64][]byte
	agents memo[bool]
	caps   caps
}

func (in *logReader) count(v View) {
	in.report.Views++
	if in.report.First.IsZero() || v.At.Before(in.report.First) {
		in.report.First = v.At
	}
	if v.At.After(in.report.Last) {
		in.report.Last = v.At
	}
}

// line makes a View of a line, or says why it is none.
func (in *logReader) line(ctx context.Context, text string) (View, string, error) {
	in.report.Lines++
	text = strings.TrimRight(text, "\r\n")
	l, ok := parseCombined(text)
	if strings.HasPrefix(text, "{") {
		l, ok = parseCaddy(text)
	}
	if !ok {
		return View{}, ignoredLine, nil
	}
	if l.host != "" && !in.ofSite(l.host) {
		return View{}, ignoredHost, nil
	}
	u, why := in.page(l)
	if why != "" {
		return View{}, why, nil
	}
	if in.agents.of(l.agent, isRobot) {
		return View{}, ignoredBot, nil
	}
	if within(in.Newsroom, l.addr.Unmap()) {
		return View{}, ignoredEditor, nil
	}
	key, err := in.Key(u)
	if err != nil {
		return View{}, ignoredPath, nil
	}
	v := View{Key: key, At: l.at, N: 1}
	if len(countable([]View{v}, in.Now())) == 0 {
		return View{}, ignoredOld, nil
	}
	salt, err := in.salt(ctx, DayOf(l.at))
	if err != nil {
		return View{}, "", err
	}
	v.Visitor = visitorHash(salt, l.addr, l.agent)
	why = in.caps.admit(HourOf(l.at), v.Visitor, v.Key, prefixOf(l.addr, 24, 48), in.PerVisitor, in.PerNetwork)
	return v, why, nil
}

// ofSite reports whether a host is the site's, with www. or without.
func (in *logReader) ofSite(host string) bool {
	u, err := url.Parse(in.Site)
	bare := func(h string) string { return strings.TrimPrefix(strings.ToLower(h), "www.") }
	return err != nil || bare(host) == bare(u.Hostname())
}

// page is the address of the article a line shows, or why it shows none.
func (in *logReader) page(l logLine) (address, why string) {
	if l.method != http.MethodGet || l.status != 200 && l.status != 304 {
		return "", ignoredStatus
	}
	u, err := url.ParseRequestURI(l.target)
	if err != nil {
		return "", ignoredLine
	}
	q := u.Query()
	if src := q.Get("src"); src != "" && (in.Mark == nil || in.Mark(src)) {
		return "", ignoredNewsletter
	}
	if isPreview(u, q) {
		return "", ignoredPreview
	}
	if in.Path != nil && !in.Path.MatchString(u.Path) || in.Path == nil && isAsset(u.Path) {
		return "", ignoredPath
	}
	if u.Host != "" { // a proxy's log
		return l.target, ""
	}
	return strings.TrimRight(in.Site, "/") + l.target, ""
}

// pageTypes are extensions of pages; other extensions are pictures, scripts, feeds.
var pageTypes = []string{"", ".html", ".htm", ".php", ".asp", ".aspx", ".jsp", ".shtml"}

func isAsset(p string) bool {
	ext := strings.ToLower(path.Ext(p))
	return len(ext) <= 6 && strings.Trim(ext, ".0123456789") != "" && !slices.Contains(pageTypes, ext) ||
		strings.HasPrefix(p, "/wp-json") || strings.HasPrefix(p, "/wp-admin") || strings.HasSuffix(strings.TrimRight(p, "/"), "/feed") || p == "/"
}

func (in *logReader) salt(ctx context.Context, day int64) ([]byte, error) {
	if s, ok := in.salts[day]; ok {
		return s, nil
	}
	s := newSalt()
	if in.Salt != nil {
		var err error
		if s, err = in.Salt(ctx, day); err != nil {
			return nil, err
		}
	}
	in.salts[day] = s
	return s, nil
}

// logLine is a line of the combined log format, in Apache's vhost_combined behind
// HOST:PORT, or what Caddy writes of a request as JSON:
//
//	ADDRESS IDENT USER [02/Jan/2006:15:04:05 -0700] "METHOD TARGET PROTOCOL" STATUS BYTES "REFERER" "AGENT" …
type logLine struct {
	host           string // without its port; "" = the line does not say
	addr           netip.Addr
	at             time.Time
	method, target string
	status         int
	agent          string
}

func parseCombined(s string) (l logLine, ok bool) {
	host, rest, ok := strings.Cut(s, " ")
	if !ok {
		return l, false
	}
	// a name instead of an address (HostnameLookups) leaves the zero address
	l.addr, _ = netip.ParseAddr(strings.Trim(host, "[]"))
	if name, port, found := strings.Cut(host, ":"); found && !l.addr.IsValid() && strings.Trim(port, "0123456789") == "" { // vhost_combined
		if addr, after, _ := strings.Cut(rest, " "); l.addr.UnmarshalText([]byte(addr)) == nil && addr != "" {
			l.host, rest = name, after
		}
	}
	open := strings.IndexByte(rest, '[')
	end := strings.IndexByte(rest, ']')
	if open < 0 || end < open {
		return l, false
	}
	var err error
	if l.at, err = time.Parse("02/Jan/2006:15:04:05 -0700", rest[open+1:end]); err != nil {
		return l, false
	}
	request, rest, ok := quoted(rest[end+1:])
	if !ok {
		return l, false
	}
	parts := strings.Fields(request)
	if len(parts) < 2 {
		return l, false
	}
	l.method, l.target = parts[0], parts[1]
	if _, err := fmt.Sscanf(rest, "%d", &l.status); err != nil {
		return l, false
	}
	if _, rest, ok = quoted(rest); !ok { // referer
		return l, false
	}
	l.agent, _, ok = quoted(rest)
	return l, ok
}

// parseCaddy reads a request of Caddy's log: the time as it writes it by default, in
// seconds since 1970, or with time_format iso8601 or rfc3339.
func parseCaddy(s string) (l logLine, ok bool) {
	var line struct {
		TS      json.RawMessage `json:"ts"`
		Status  int             `json:"status"`
		Request struct {
			RemoteIP   string              `json:"remote_ip"`
			ClientIP   string              `json:"client_ip"`   // behind trusted proxies; since 2.7
			RemoteAddr string              `json:"remote_addr"` // before 2.5, with the port
			Method     string              `json:"method"`
			Host       string              `json:"host"`
			URI        string              `json:"uri"`
			Headers    map[string][]string `json:"headers"`
		} `json:"request"`
	}
	if json.Unmarshal([]byte(s), &line) != nil || line.Request.URI == "" {
		return l, false
	}
	r := line.Request
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	l = logLine{host: r.Host, method: r.Method, target: r.URI, status: line.Status, agent: strings.Join(r.Headers["User-Agent"], " ")}
	if name, _, err := net.SplitHostPort(r.Host); err == nil {
		l.host = name
	}
	l.addr, _ = netip.ParseAddr(cmp.Or(r.ClientIP, r.RemoteIP, remote))
	var seconds float64
	if json.Unmarshal(line.TS, &seconds) == nil {
		l.at = time.UnixMilli(int64(seconds * 1000))
		return l, true
	}
	var text string
	if json.Unmarshal(line.TS, &text) != nil {
		return l, false
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.000Z0700"} {
		var err error
		if l.at, err = time.Parse(layout, text); err == nil {
			return l, true
		}
	}
	return l, false
}

// quoted cuts the next "quoted" part off s. A backslash hides a quote (Apache);
// nginx writes \x22.
func quoted(s string) (in, rest string, ok bool) {
	begin := strings.IndexByte(s, '"')
	if begin < 0 {
		return "", "", false
	}
	for i := begin + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[begin+1 : i], s[i+1:], true
		}
	}
	return "", "", false
}
