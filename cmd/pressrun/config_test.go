package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"pressrun/subscribers"
)

// load writes text as a configuration file and reads it.
func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "press.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return LoadConfig(path)
}

// What is wrong is said in the same order each time.
func TestConfigMessagesHaveAnOrder(t *testing.T) {
	first := ""
	for range 20 {
		_, err := load(t, "[[relay]]\nname = \"a\"\nurl = \"smtp://127.0.0.1\"\nrate = -1\nper_hour = -1\nper_day = -1\nshare = -1\n[breaker]\nsender = 2\nbounce = 2\ncomplaint = 2\n")
		if err == nil {
			t.Fatal("nothing is wrong")
		}
		text := regexp.MustCompile(`\S*press.toml`).ReplaceAllString(err.Error(), "press.toml")
		if first == "" {
			first = text
		}
		if text != first {
			t.Fatalf("first\n%s\nthen\n%s", first, text)
		}
	}
}

func TestConfigSaysWhereAndHow(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a mistyped key", "database = \"x\"\nlisen = \"127.0.0.1:1\"\n", `press.toml:2: unknown key "lisen"; did you mean "listen"?`},
		{"a mistyped key in a table", "[[relay]]\nname = \"a\"\nurll = \"smtp://127.0.0.1\"\n", `press.toml:3: unknown key "relay.urll"; did you mean "relay.url"?`},
		{"the beginning of a key", "[[relay]]\nname = \"a\"\npassword = \"x\"\n", `press.toml:3: unknown key "relay.password"; did you mean "relay.password_file"?`},
		{"a key of nobody's in a table", "[[relay]]\nname = \"a\"\ntransport = \"x\"\n", `press.toml:3: unknown key "relay.transport"; valid here are relay.name, relay.url, relay.password_file, relay.helo, relay.connections, relay.rate, relay.share, relay.per_hour, relay.per_day, relay.warmup`},
		{"a mistyped table", "[[realy]]\nname = \"a\"\n", `press.toml:1: unknown key "realy"; did you mean "relay"?`},
		{"a table of nobody's", "[something]\nname = \"a\"\n", `; valid here are database, redis, `},
		{"a maildir in nowhere", "[[relay]]\nname = \"a\"\nurl = \"maildir:trial\"\n", "write the maildir from the root on"},
		{"a wrong type", "listen = 8080\n", `press.toml:1: listen wants a text in quotes`},
		{"twice", "listen = \":80\"\nlisten = \":81\"\n", `press.toml:2: listen stands a second time`},
		{"a text for a table", "[[relay]]\nname = \"a\"\nurl = \"smtp://127.0.0.1\"\nwarmup = \"2026-12-01\"\n", `press.toml:4: relay.warmup wants keys of its own, { … = … }: from, start, end, days`},
		{"another database", "database = \"mysql://root:secret@127.0.0.1/press\"\n", `press.toml: database "mysql://"…: write the path of an SQLite file, or postgres://user@host/name`},
		{"half a URL", "database = \"postgresql:/press\"\n", `press.toml: database "postgresql:"…: write`},
		{"a wrong type in a table", "\n[[relay]]\nconnections = \"many\"\n", `press.toml:3: relay.connections wants a number`},
		{"an address without a port", "listen = \"news.example.com\"\n", "write for instance 127.0.0.1:8080"},
		{"a text for tables", "relay = \"smtp://mail.example.com\"\n", `press.toml:1: relay wants tables, each begun with [[relay]], of the keys name, url`},
		{"a file of another kind", "approval = \"hold\"\nlist = \"morning\"\nschedule = \"0 7 * * *\"\n", "fetch, ai\n"},
		{"broken syntax", "listen = \"127.0.0.1:1\nredis = 1", `press.toml:1:`},
		{"a broken table header", "listen = \"127.0.0.1:1\"\n[[relay]\n", `press.toml:2: expected`},
		{"an alarm to nobody", "alarm_mail = \"me\"\n", "alarm_mail \"me\" is not a mail address"},
		{"http with a relay outside", "public_url = \"http://news.example.com\"\n[[relay]]\nurl = \"smtp://mail.example.com:587\"\n", "must begin with https://"},
		{"a password in the URL", "public_url = \"https://news.example.com\"\n[[relay]]\nurl = \"smtp://me:hunter2@mail.example.com:587\"\n", "take the password out"},
		{"half a certificate", "tls_cert = \"a.pem\"\n", "tls_cert and tls_key belong together"},
		{"no network", "trusted_proxies = [\"10.0.0.1\"]\n", "press.toml: trusted_proxies: \"10.0.0.1\" is not a network"},
		{"a table of another program", "[smtp]\nhost = \"x\"\n", `unknown key "smtp"; valid here are database`},
		{"links below a directory", "public_url = \"https://example.com/digest/\"\n", "write https://example.com"},
		{"links to no host", "listen = \":8080\"\n", "public_url \"http://:8080\" is not a web address"},
		{"no Redis", "redis = \"127.0.0.1:6379\"\n", "write redis://127.0.0.1:6379/0"},
		{"Sentinels without a master", "redis = \"redis-sentinel://:hunter2@10.0.0.1\"\n", "say which master"},
		{"a mistyped key of counters", "[[counters]]\nkind = \"counter\"\nkez = \"views:{id}\"\n", `press.toml:3: unknown key "counters.kez"; did you mean "counters.key"?`},
		{"counters without an id", "redis = \"redis://127.0.0.1\"\n[[counters]]\nkind = \"counter\"\nkey = \"views\"\n", "write {id} once"},
		{"counters of nowhere", "[[counters]]\nkind = \"counter\"\nkey = \"views:{id}\"\n", "redis: the address cannot be read"},
		{"counters read too often", "redis = \"redis://127.0.0.1\"\n[[counters]]\nkind = \"counter\"\nkey = \"views:{id}\"\nevery = \"1s\"\n", "write a length of time from 10s"},
		{"no relay URL", "[[relay]]\nurl = \"mail.example.com\"\n", "write smtp://"},
		{"a greeting that is no host name", "[[relay]]\nname = \"main\"\nurl = \"smtp://127.0.0.1\"\nhelo = \"web-1\"\n", `relay main: helo "web-1" is no host name`},
		{"a relay at no port", "[[relay]]\nname = \"main\"\nurl = \"smtp://127.0.0.1:99999\"\n", `relay main: "99999" is no port`},
		{"a relay with half a TLS", "[[relay]]\nname = \"main\"\nurl = \"smtp://127.0.0.1?tls=maybe\"\n", `relay main: tls=maybe in the url`},
		{"a language model over http", "[ai]\nurl = \"http://model.example/v1/chat/completions\"\nmodel = \"m\"\nhosts = [\"model.example\"]\n", "must begin with https://"},
		{"a language model on a host not named", "[ai]\nurl = \"https://model.example/v1/chat/completions\"\nmodel = \"m\"\n", "add \"model.example\" to hosts"},
		{"a language model without a name", "[ai]\nurl = \"http://127.0.0.1:1/v1/chat/completions\"\n", "ai.model is missing"},
		{"a key in the language model's URL", "[ai]\nurl = \"https://a:hunter2@model.example/v1/chat/completions\"\n", "the key has its own place"},
		{"a cap in money without prices", "[ai]\nurl = \"http://127.0.0.1:1/v1/chat/completions\"\nmodel = \"m\"\ndaily_cost = 2.5\n", "needs the prices"},
		{"a name of two lines", "[fetch]\nuser_agent = \"digest\\nbot\"\n", "fetch.user_agent"},
		{"a pause that is none", "[fetch]\ndelay = \"soon\"\n", "fetch.delay"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the message shows the password")
			}
		})
	}
}

func TestConfigDefaultsAndEnvironment(t *testing.T) {
	t.Setenv("PRESSRUN_LISTEN", "127.0.0.1:9999")
	t.Setenv("PRESSRUN_TRUSTED_PROXIES", "10.0.0.0/8, 192.168.0.0/16")
	c, err := load(t, "redis = \"redis://127.0.0.1:6379/0\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:9999" || c.PublicURL != "http://127.0.0.1:9999" || len(c.TrustedProxies) != 2 {
		t.Errorf("got listen %s, public_url %s, proxies %v", c.Listen, c.PublicURL, c.TrustedProxies)
	}
	if filepath.Base(c.Database) != "press.db" || !filepath.IsAbs(c.Database) {
		t.Errorf("got database %s, want press.db beside the file", c.Database)
	}
}

// What is wrong in the environment is said of the environment.
func TestConfigNamesTheVariable(t *testing.T) {
	t.Setenv("PRESSRUN_TRUSTED_PROXIES", "10.0.0.1")
	t.Setenv("PRESSRUN_FETCH_DELAY", "soon")
	_, err := load(t, "alarm_mail = \"me\"\n")
	for _, want := range []string{"environment PRESSRUN_TRUSTED_PROXIES: trusted_proxies: ", "environment PRESSRUN_FETCH_DELAY: fetch.delay ", "press.toml: alarm_mail "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Every shell can set the variable of a relay's password.
func TestRelayPasswordVariable(t *testing.T) {
	if got, want := (RelayConfig{Name: "mx.example.com"}).passwordVariable(), "PRESSRUN_RELAY_MX_EXAMPLE_COM_PASSWORD"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A variable that is nearly a setting is named by config check; what else begins
// with our name is left alone.
func TestConfigCheckReadsTheEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "press.toml")
	if err := os.WriteFile(file, []byte("[[relay]]\nname = \"main\"\nurl = \"smtp://127.0.0.1\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PRESSRUN_LISEN", "127.0.0.1:9")
	t.Setenv("PRESSRUN_RELAY_MAIN_PASWORD", "hunter2")
	t.Setenv("PRESSRUN_PORT", "tcp://10.0.0.1:80")
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-c", file, "config", "check"}, strings.NewReader(""), &out, &errs)
	for _, want := range []string{"PRESSRUN_LISEN is no setting and does nothing; did you mean PRESSRUN_LISTEN?", "did you mean PRESSRUN_RELAY_MAIN_PASSWORD?"} {
		if code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("exit %d, %s%s; want %q", code, out.String(), errs.String(), want)
		}
	}
	if strings.Contains(out.String(), "PRESSRUN_PORT") || strings.Contains(out.String(), "hunter2") {
		t.Errorf("it says %s", out.String())
	}
}

// With a database that is there, serve may not begin without the file of its keys.
func TestConfigCheckMissesTheKeys(t *testing.T) {
	dir := t.TempDir()
	file, missed := filepath.Join(dir, "press.toml"), "there is no "+filepath.Join(dir, "link.keys")
	check := func(want bool) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{"-c", file, "config", "check"}, strings.NewReader(""), &out, &errs); code != 0 || strings.Contains(out.String(), missed) != want {
			t.Errorf("exit %d: %s%s; want %q: %v", code, out.String(), errs.String(), missed, want)
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check(false)
	if err := os.WriteFile(filepath.Join(dir, "press.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check(true)
	if _, err := subscribers.GenerateKeys(filepath.Join(dir, "link.keys")); err != nil {
		t.Fatal(err)
	}
	check(false)
}

func TestRelayPassword(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pw"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := RelayConfig{Name: "main-one", PasswordFile: "pw"}
	if got, err := r.password(dir); err != nil || got != "s3cret" {
		t.Errorf("from the file: %q, %v", got, err)
	}
	t.Setenv("PRESSRUN_RELAY_MAIN_ONE_PASSWORD", "other")
	if got, err := r.password(dir); err != nil || got != "other" {
		t.Errorf("from the environment: %q, %v", got, err)
	}
}

// The file that init writes is one that LoadConfig accepts, for every key it shows.
func TestInitWritesAValidFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "press.toml")
	v := &initVerb{Listen: "127.0.0.1:8123", Admin: "ed@example.com"}
	if err := v.writeConfig(path); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); err != nil {
		t.Errorf("as written: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("passwords are written into a file that is %v, %v; want 0600", info.Mode(), err)
	}
	if err := v.writeConfig(path); err == nil {
		t.Error("a second init overwrites the first")
	}
	text, _ := os.ReadFile(path)
	commented := regexp.MustCompile(`(?m)^# (\[\[?[a-z]+\]\]?$|[a-z_]+ = )`)
	text = bytes.ReplaceAll(text, []byte("# imap ="), []byte("# not listen and imap at once:")) // one of the two
	all := strings.ReplaceAll(commented.ReplaceAllString(string(text), "$1"), `"http://127`, `"https://127`)
	if _, err := load(t, all); err != nil {
		t.Errorf("with every comment in force: %v", err)
	}
}

func TestUsageErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.toml")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"isue", "ls"}, exitUsage, "unexpected argument"},
		{[]string{"-c", missing, "issue", "ls"}, exitUsage, "pressrun init --site"},
		{[]string{"-c", filepath.Dir(missing), "issue", "ls"}, exitUsage, "-c FILE or PRESSRUN_CONFIG"},
		{[]string{"issue", "edit", "1"}, exitUsage, "--subject"},
		{[]string{"issue", "edit", "1", "--drop"}, exitUsage, "--story"},
		{[]string{"issue", "skip", "1"}, exitUsage, "see pressrun issue skip --help"},
		{[]string{"delivery", "ls", "--issue", "1", "--state", "gone"}, exitUsage, "withheld"},
		{[]string{"init", "--site", "https://news.example", "--dir", filepath.Dir(missing), "--zone", "Mars/City"}, exitUsage, "Asia/Karachi"},
		{[]string{"init", "--site", "https://news.example", "--dir", filepath.Dir(missing), "--admin", "nobody"}, exitUsage, "--admin"},
		{[]string{"-c", missing, "arm"}, exitUsage, "pressrun arm --to you@example.com"},
		{[]string{"-c", missing, "serve", "--listen", "8080"}, exitUsage, "127.0.0.1:8080"},
		{[]string{"-c", missing, "doctor", "serve", "--listen", "8080"}, exitUsage, "127.0.0.1:8080"},
		{[]string{"-c", missing, "doctor", "smtp", "--accept", "spf"}, exitUsage, "pressrun doctor dns --accept KIND"},
		{[]string{"demo", "--dir", filepath.Dir(missing), "--port", "70000"}, exitUsage, "from 1 to 65534"},
		{[]string{"-c", missing, "issue", "build", "morning", "--at", "07:00"}, exitUsage, "with its zone"},
		{[]string{"-c", missing, "user", "add", "ed@news.example", "--role", "king"}, exitUsage, `"list admin"`},
		{[]string{"version"}, 0, ""},
		{[]string{"--help"}, 0, ""},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), c.args, strings.NewReader(""), &out, &errs); code != c.code || !strings.Contains(errs.String(), c.want) {
			t.Errorf("pressrun %v: exit %d, %q; want %d, %q", c.args, code, errs.String(), c.code, c.want)
		}
	}
	if made, _ := filepath.Glob(filepath.Join(filepath.Dir(missing), "*")); len(made) > 0 {
		t.Errorf("a wrong command line made %v", made)
	}
}

// TestServeSaysThatNothingIsThere: a database that was mistyped is a newsroom
// without anything in it, which would serve in silence.
func TestServeSaysThatNothingIsThere(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	config := filepath.Join(t.TempDir(), "press.toml")
	if err := os.WriteFile(config, []byte("database = \"pres.db\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &watched{seen: "msg=serving", then: cancel}
	run(ctx, []string{"-c", config, "serve", "--listen", "127.0.0.1:0"}, strings.NewReader(""), io.Discard, log)
	if !strings.Contains(log.String(), "no newsletter") || !strings.Contains(log.String(), "pres.db") {
		t.Errorf("it says %s", log)
	}
}

// watched keeps what is written, and does something once a text is seen.
type watched struct {
	mu   sync.Mutex
	b    strings.Builder
	seen string
	then func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.Contains(string(p), w.seen) {
		w.then()
	}
	return w.b.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func TestPortTaken(t *testing.T) {
	l, err := listen("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := listen(l.Addr().String(), "--port"); err == nil || !strings.Contains(err.Error(), "another program uses that port; end it, or choose another port: --port") {
		t.Errorf("got %v, want words about the port", err)
	}
}

// Each key that a configuration may hold is explained in the file that init writes.
func TestEveryKeyIsExplained(t *testing.T) {
	table, said := regexp.MustCompile(`^#? ?\[+(\w+)\]`), map[string]bool{}
	at := ""
	for line := range strings.Lines(configTemplate) {
		if m := table.FindStringSubmatch(line); m != nil {
			at = m[1] + "."
		}
		for _, m := range regexp.MustCompile(`(\w+) = `).FindAllStringSubmatch(line, -1) {
			said[at+m[1]] = true
		}
	}
	for _, key := range configKeys(reflect.TypeFor[Config](), "") {
		if key = strings.Replace(key, "relay.warmup.", "relay.", 1); !said[key] {
			t.Errorf("press.toml.tmpl says nothing of %s", key)
		}
	}
}

func TestNewsletterFileRoundTrip(t *testing.T) {
	text := "name = \"morning\"\ntitle = \"Morning\"\nschedule = \"0 7 * * *\"\nzone = \"Asia/Karachi\"\nlead = \"1h\"\n[[editions]]\nname = \"ur\"\nlanguage = \"ur\"\nlanguages = [\"ur\"]\n"
	f, err := parseNewsletter("m.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseNewsletter("m.toml", []byte("name = \"a\"\nschedul = \"x\"\n")); err == nil || !strings.Contains(err.Error(), `m.toml:2: unknown key "schedul"; did you mean "schedule"?`) {
		t.Errorf("got %v", err)
	}
	if f.Editions[0].Name != "ur" || f.Schedule != "0 7 * * *" {
		t.Errorf("got %+v", f)
	}
}

// What editors on other systems make of a text file is read like any other.
func TestFilesOfOtherEditors(t *testing.T) {
	text := "# für alle\r\nlisten = \"127.0.0.1:1\"\r\n"
	wide := utf16.Encode([]rune("\ufeff" + text))
	little, _ := binary.Append(nil, binary.LittleEndian, wide)
	big, _ := binary.Append(nil, binary.BigEndian, wide)
	for name, file := range map[string]string{"a byte order mark": "\ufeff" + text, "UTF-16 of PowerShell": string(little), "UTF-16, big end first": string(big)} {
		if c, err := load(t, file); err != nil || c.Listen != "127.0.0.1:1" {
			t.Errorf("%s: listen %q, %v", name, c.Listen, err)
		}
	}
}

// A newsletter's file with a mistake changes nothing, says each in a line with what
// to write, and has the exit code of a wrong file whatever the mistake is.
func TestNewsletterFileSaysWhatIsWrong(t *testing.T) {
	d := &deskless{T: t, dir: t.TempDir()}
	d.config = d.path("press.toml") // is not there: the mistakes are said before anything is opened
	good := "name = \"morning\"\nlist = \"morning\"\nfrom = \"m@news.example\"\nbrand = {name = \"News\", postal = \"2 Quay Street\"}\n"
	for more, want := range map[string]string{
		"zone = \"Asia/Karach\"\nschedule = \"0 7 * * *\"": "-: zone \"Asia/Karach\" is not known; write an IANA name such as Europe/Berlin",
		"approval = \"sendd\"\nwindow = \"6-22\"":          "-: approval \"sendd\": write send or hold\n-: window \"6-22\": write for instance 06:00-22:00",
		"lead = \"45\"":                "-:5: lead wants a length of time, \"45m\", \"24h\" or \"30d\"",
		"lead = 45":                    "-: lead is a number without a unit; write for instance \"45m\" or \"24h\"",
		"tones = 4":                    "-:5: tones wants keys of your own, { … = … }",
		"[[sponsors]]\ntext = 4":       "-:6: sponsors.text wants a text in quotes, \"…\"",
		"[[sponsors]]\ntxt = \"Sail\"": "-:6: unknown key \"sponsors.txt\"; did you mean \"sponsors.text\"?",
	} {
		if code, _, errs := d.verb(good+more, "newsletter", "apply", "-f", "-"); code != exitUsage || errs != "pressrun newsletter apply: "+want+"\n" {
			t.Errorf("%s: exit %d, %q; want %q", more, code, errs, want)
		}
	}
}

// TestInitReadsTheLanguage: a site whose feed does not say its language gets a
// newsletter in that of its stories.
func TestInitReadsTheLanguage(t *testing.T) {
	t.Setenv("PRESSRUN_FETCH_DELAY", "0s")
	var site *httptest.Server
	site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed" {
			fmt.Fprintf(w, "<title>Brücke %[1]s</title><h1>Die Brücke %[1]s wird erneuert</h1><p>Der Stadtrat hat am Dienstag beschlossen, dass die Brücke %[1]s im Frühjahr erneuert wird; die Arbeiten dauern ein Jahr und kosten vier Millionen.</p><p>Die Fähre fährt in dieser Zeit auch nachts, sagte die Bürgermeisterin nach der Sitzung, und wer zur Schule muss, zahlt nichts.</p>", r.URL.Path[1:])
			return
		}
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Hafenblatt</title>`)
		for i := range 6 {
			fmt.Fprintf(w, `<item><title>Die Brücke %d wird erneuert</title><link>%s/%[1]d</link><pubDate>%[3]s</pubDate></item>`, i, site.URL, time.Now().Add(-time.Duration(i+1)*time.Hour).Format(time.RFC1123Z))
		}
		fmt.Fprint(w, `</channel></rss>`)
	}))
	t.Cleanup(site.Close)
	d := &deskless{T: t, dir: t.TempDir()}
	d.config = d.path("press.toml")
	if code, _, errs := d.verb("", "init", "--site", site.URL+"/feed", "--dir", d.dir, "--allow", "127.0.0.0/8"); code != 0 {
		t.Fatal(errs)
	}
	p := d.open()
	list, err := p.Digest.Newsletters(t.Context())
	if err != nil || len(list) != 1 || list[0].Spec.Language != "de" || list[0].Spec.Editions[0].Name != "de" {
		t.Errorf("the newsletter of a German site: %+v, %v", list, err)
	}
}

// TestInitEndsWithADraft reads what a newcomer sees: a draft of his own site, why
// each story stands there, what to do for better reasons, and the links.
func TestInitEndsWithADraft(t *testing.T) {
	t.Setenv("PRESSRUN_FETCH_DELAY", "0s")
	site := newPaper(t, "Harbour Gazette", time.Now, time.Now().Add(-24*time.Hour), 2*time.Hour)
	d := &deskless{T: t, dir: t.TempDir()}
	d.config = d.path("press.toml")
	began := time.Now()
	code, out, errs := d.verb("", "init", "--site", site.URL+"/feed", "--dir", d.dir, "--allow", "127.0.0.0/8")
	if code != 0 {
		t.Fatal(errs)
	}
	if took := time.Since(began); took > 90*time.Second {
		t.Errorf("init took %s, want a draft within 90 s", took)
	}
	for _, want := range []string{"A draft of Harbour Gazette", "newest first", "trend ingest-log --site", "/desk/issues/1 ", "/desk/sign-in/", "user link editor@127.0.0.1", "user add you@example.com --role operator"} {
		if !strings.Contains(out, want) {
			t.Errorf("init ends without %q: %s", want, out)
		}
	}
	stories := regexp.MustCompile(`(?m)^ *\d+\. .+\n(.*)$`).FindAllStringSubmatch(out, -1)
	if len(stories) < 5 {
		t.Errorf("%d stories in the draft, want 5 or more: %s", len(stories), out)
	}
	for _, s := range stories {
		if len(strings.TrimSpace(s[1])) < 10 {
			t.Errorf("%q does not say why it stands there", s[0])
		}
	}
}

// Who set up neither mail nor webhook hears of nothing, and the doctor says so.
func TestWhoIsTold(t *testing.T) {
	for _, c := range []struct {
		Config
		want string
	}{
		{Config{}, ""}, {Config{AlarmMail: "kim@news.example"}, "go to kim@news.example"}, {Config{AlarmWebhook: "https://hooks.example/secret"}, "go to the webhook"},
		{Config{AlarmMail: "kim@news.example", AlarmWebhook: "https://hooks.example/secret"}, "go to kim@news.example and to the webhook"},
	} {
		if got, err := c.whoIsTold(); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("it says %q, %v; want %q", got, err, c.want)
		}
	}
}

// TestGreeting has a relay hear the name that its configuration gives.
func TestGreeting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	heard := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "220 relay.test\r\n")
		line, _ := bufio.NewReader(conn).ReadString('\n')
		heard <- strings.TrimSpace(line)
	}()
	c, err := load(t, fmt.Sprintf("[[relay]]\nname = \"main\"\nurl = \"smtp://%s?tls=none\"\nhelo = \"mail.news.example\"\n", l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), c, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.examineRelays(t.Context())
	if got := <-heard; got != "EHLO mail.news.example" {
		t.Errorf("the relay hears %q", got)
	}
}
