package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"pressrun/cmd/pressrun/desk"
	"pressrun/subscribers/signup"
)

// What deploy/ starts is a command line of ours.
func TestDeployedCommandLines(t *testing.T) {
	for file, line := range map[string]struct{ verb, pattern string }{
		"Dockerfile":                      {"serve", `(?m)^ENTRYPOINT \["/pressrun", (.*)\]\s^CMD \[(.*)\]$`},
		"Dockerfile/HEALTHCHECK":          {"doctor", `(?m)^HEALTHCHECK .* CMD \["/pressrun", (.*)\]()$`},
		"pressrun.service":                {"serve", `(?m)^ExecStart=/usr/local/bin/pressrun (.*)()$`},
		"pressrun-backup.service":         {"backup", `(?m)^ExecStart=/bin/sh -ec '/usr/local/bin/pressrun (.*)\$\(()`},
		"helm/templates/statefulset.yaml": {"serve", `command: \["/pressrun", (.*)\]()`},
	} {
		t.Run(file, func(t *testing.T) {
			m := regexp.MustCompile(line.pattern).FindStringSubmatch(read(t, strings.TrimSuffix(file, "/HEALTHCHECK")))
			if m == nil {
				t.Fatal("no command line found")
			}
			args := strings.Fields(strings.NewReplacer(`"`, "", ",", " ").Replace(m[1] + " " + m[2]))
			parser, err := kong.New(new(verbs), kong.Name("pressrun"))
			if err != nil {
				t.Fatal(err)
			}
			if k, err := parser.Parse(args); err != nil || firstWords(k.Command()) != line.verb {
				t.Errorf("%q: %v", args, err)
			}
		})
	}
}

// What README and the files of deploy/ tell people to type, in code blocks and comments,
// is a command line of ours; a verb that their text names has the flags that stand there.
func TestToldCommandLines(t *testing.T) {
	known := leaves(t)
	typed := regexp.MustCompile(`(?m)(?:^    (?:\./|go run \./cmd/)|^#   (?:sudo -u pressrun )?|-- /|exec pressrun /|--rm )pressrun ([^#\n]*)`)
	inText := regexp.MustCompile("`(?:pressrun )?([^`\n]+)`")
	count := 0
	for _, file := range []string{"../README.md", "compose.yaml", "Dockerfile", "pressrun.service", "prometheus.yaml", "helm/values.yaml", "helm/templates/NOTES.txt"} {
		text := read(t, file)
		lines := typed.FindAllStringSubmatch(text, -1)
		whole := len(lines)
		for _, m := range inText.FindAllStringSubmatch(text, -1) {
			if slices.ContainsFunc(known, func(v string) bool { return strings.HasPrefix(m[1]+" ", v+" ") }) {
				lines = append(lines, m)
			}
		}
		for n, m := range lines {
			args := shellWords(m[1])
			parser, err := kong.New(new(verbs), kong.Name("pressrun"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(args); err != nil && (n < whole || regexp.MustCompile(`unknown flag|unexpected argument`).MatchString(err.Error())) {
				t.Errorf("%s tells people to type %q: %v", file, args, err)
			}
			count++
		}
	}
	if count < 30 {
		t.Errorf("%d command lines are found", count)
	}
}

// shellWords are the words of a command line up to what the shell does with it, without
// quotation marks and the brackets of what may be left out.
func shellWords(line string) (words []string) {
	for _, m := range regexp.MustCompile(`"([^"]*)"|([^\s"]+)`).FindAllStringSubmatch(line, -1) {
		word := m[1] + strings.Trim(m[2], "[]")
		if word == ">" || word == "|" {
			break
		}
		words = append(words, word)
	}
	return words
}

// A directory of systemd's is one user's: where one unit calls him dynamic, systemd
// moves it to where none but root may look, under the feet of the other.
func TestDeployedUnitsShareAUser(t *testing.T) {
	who := regexp.MustCompile(`(?m)^(?:User|DynamicUser|StateDirectory)=.*$`)
	serve := who.FindAllString(read(t, "pressrun.service"), -1)
	if backup := who.FindAllString(read(t, "pressrun-backup.service"), -1); len(serve) != 2 || !slices.Equal(serve, backup) {
		t.Errorf("serve runs with %q, the backup with %q", serve, backup)
	}
}

// What compose sets are settings of ours, its database is the one it starts, and
// its port the one that the image listens on.
func TestDeployedCompose(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Hostname    string
			Environment map[string]string
			Ports       []string
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	ours := file.Services["pressrun"]
	for name := range ours.Environment {
		if strings.HasPrefix(name, "PRESSRUN_") && !slices.Contains(environmentOf(reflect.TypeFor[Config]()), name) {
			t.Errorf("%s is no setting", name)
		}
	}
	if ours.Hostname == "" {
		t.Error("a new container has a new name, for which nobody has armed it")
	}
	u, err := url.Parse(ours.Environment["PRESSRUN_DATABASE"])
	if err != nil {
		t.Fatal(err)
	}
	if server := file.Services[u.Hostname()].Environment; u.Scheme != "postgres" || server["POSTGRES_USER"] != u.User.Username() || "/"+server["POSTGRES_DB"] != u.Path {
		t.Errorf("the database is %s, and what is started has %v", u, server)
	}
	image := regexp.MustCompile(`"--listen", "0\.0\.0\.0(:\d+)"`).FindStringSubmatch(read(t, "Dockerfile"))
	if len(ours.Ports) != 1 || image == nil || !strings.HasSuffix(ours.Ports[0], image[1]) {
		t.Errorf("ports %v, the image listens on %v", ours.Ports, image)
	}
	if asked := regexp.MustCompile(`"doctor", "serve", "--listen", "127\.0\.0\.1(:\d+)"`).FindStringSubmatch(read(t, "Dockerfile")); asked == nil || image == nil || asked[1] != image[1] {
		t.Errorf("the health check asks at %v, the image listens on %v", asked, image)
	}
}

// What the samples for a proxy in front say of press.toml is taken, the proxy sends
// requests to where serve listens then, its requests are believed, and what the desk
// takes it takes, too.
func TestDeployedProxies(t *testing.T) {
	for _, file := range []string{"Caddyfile", "nginx.conf"} {
		t.Run(file, func(t *testing.T) {
			text := read(t, file)
			toml := ""
			for _, m := range regexp.MustCompile(`(?m)^#   (\w+ = .*)$`).FindAllStringSubmatch(text, -1) {
				toml += m[1] + "\n"
			}
			name := filepath.Join(t.TempDir(), "press.toml")
			if err := os.WriteFile(name, []byte(toml), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := LoadConfig(name)
			if err != nil {
				t.Fatal(err)
			}
			to := regexp.MustCompile(`(?:reverse_proxy |proxy_pass http://)([\d.:]+)`).FindStringSubmatch(text)
			if to == nil || to[1] != c.Listen {
				t.Errorf("requests go to %v, serve listens on %s", to, c.Listen)
			}
			u, err := url.Parse(c.PublicURL)
			if err != nil || u.Scheme != "https" || !regexp.MustCompile(`(?m)^(?:    server_name )?`+regexp.QuoteMeta(u.Host)+`(?:;| \{)$`).MatchString(text) {
				t.Errorf("it serves another site than %s, %v", c.PublicURL, err)
			}
			q := httptest.NewRequest("GET", "/", nil)
			q.RemoteAddr = "127.0.0.1:4321"
			q.Header.Set("X-Forwarded-For", "203.0.113.9")
			if got := signup.Client(q, prefixes(c.TrustedProxies)); got.Addr().String() != "203.0.113.9" {
				t.Errorf("all readers are %s", got)
			}
		})
	}
	text := read(t, "nginx.conf") // Caddy does these by itself
	for _, needed := range []string{"proxy_set_header Host $http_host;", "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", fmt.Sprintf("client_max_body_size %dm;", desk.MaxImport>>20+1)} {
		if !strings.Contains(text, needed) {
			t.Errorf("nginx lacks %s", needed)
		}
	}
}

// The chart, rendered: what it starts finds its configuration, keeps what must
// stay on its volume, and answers where Kubernetes asks.
func TestDeployedChart(t *testing.T) {
	if _, err := chart(t, nil); err == nil || !strings.Contains(err.Error(), "publicURL is needed") {
		t.Errorf("without an address it says %v", err)
	}
	set := map[string]any{"publicURL": "https://digest.example.com", "secret": "press", "image": map[string]any{"repository": "registry.example.com/pressrun", "tag": "1", "pullPolicy": "Always"}}
	objects, err := chart(t, set)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"ConfigMap", "StatefulSet", "Service", "Ingress"} {
		if objects[kind] == nil {
			t.Fatalf("there is no %s", kind)
		}
	}
	if objects["ServiceMonitor"] != nil {
		t.Error("a ServiceMonitor nobody asked for")
	}
	file := filepath.Join(t.TempDir(), "press.toml")
	if err := os.WriteFile(file, []byte(at[string](t, objects["ConfigMap"], "data", "press.toml")), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	pod := at[map[string]any](t, objects["StatefulSet"], "spec", "template", "spec")
	// Kubernetes makes what belongs to the group writable for it, at each start unless told not to.
	if how := at[string](t, pod, "securityContext", "fsGroupChangePolicy"); how != "OnRootMismatch" {
		t.Errorf("keys on the volume become readable to the group: fsGroupChangePolicy is %q", how)
	}
	container := at[map[string]any](t, pod, "containers", 0)
	mounts := map[string]string{}
	for i := range at[[]any](t, container, "volumeMounts") {
		mounts[at[string](t, container, "volumeMounts", i, "name")] = at[string](t, container, "volumeMounts", i, "mountPath")
	}
	for _, kept := range []string{c.Database, c.Keys, c.Journal} {
		if path.Dir(kept) != mounts[at[string](t, objects["StatefulSet"], "spec", "volumeClaimTemplates", 0, "metadata", "name")] {
			t.Errorf("%s is not on the volume", kept)
		}
	}
	if got, want := at[string](t, container, "env", 0, "value"), mounts["config"]+"/press.toml"; got != want {
		t.Errorf("the configuration is looked for at %s and stands at %s", got, want)
	}
	if port := at[int](t, container, "ports", 0, "containerPort"); !strings.HasSuffix(c.Listen, fmt.Sprintf(":%d", port)) {
		t.Errorf("it listens on %s, and port %d is asked", c.Listen, port)
	}
	r := newCountingRoom(t, "")
	for _, probe := range []string{"startupProbe", "readinessProbe"} {
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, httptest.NewRequest("GET", at[string](t, container, probe, "httpGet", "path"), nil))
		if w.Code != 200 {
			t.Errorf("%s: %d", probe, w.Code)
		}
	}
	if host := at[string](t, objects["Ingress"], "spec", "rules", 0, "host"); host != "digest.example.com" {
		t.Errorf("the ingress serves %q", host)
	}
	set["config"] = "redis = \"redis://redis:6379/0\"\n[fetch]\ndelay = \"2s\"\n"
	set["metrics"] = map[string]any{"enabled": true, "labels": map[string]any{}, "tokenSecret": map[string]any{"name": "", "key": ""}}
	if _, err := chart(t, set); err == nil || !strings.Contains(err.Error(), "pressrun token add") {
		t.Errorf("metrics without the token that /metrics asks for: %v", err)
	}
	set["metrics"] = map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}, "tokenSecret": map[string]any{"name": "press", "key": "token"}}
	changed, err := chart(t, set)
	if err != nil {
		t.Fatal(err)
	}
	if text := at[string](t, changed["ConfigMap"], "data", "press.toml"); !strings.HasSuffix(text, set["config"].(string)) {
		t.Errorf("its configuration is %s", text)
	}
	if at[string](t, changed["ServiceMonitor"], "spec", "endpoints", 0, "authorization", "credentials", "key") != "token" {
		t.Error("the ServiceMonitor shows no token")
	}
	if labels := at[map[string]any](t, changed["ServiceMonitor"], "metadata", "labels"); labels["release"] != "prometheus" || labels["app.kubernetes.io/name"] != "pressrun" {
		t.Errorf("the ServiceMonitor is found by %v", labels)
	}
	sum := func(o map[string]map[string]any) string {
		return at[string](t, o["StatefulSet"], "spec", "template", "metadata", "annotations", "checksum/config")
	}
	if sum(changed) == sum(objects) {
		t.Error("another configuration does not start the pod again")
	}
}

// Dashboard and alerting rules ask for what a running serve tells, by labels that it
// has, and for all of it; the README names the same.
func TestDeployedMetrics(t *testing.T) {
	labels := told(t)
	var board struct {
		Panels []struct {
			Title       string
			Targets     []struct{ Expr, LegendFormat string }
			FieldConfig struct{ Defaults struct{ Unit string } }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "grafana.json")), &board); err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Expr        string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "prometheus.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	shown := ""
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			shown += target.Expr + "\n"
			asks(t, labels, target.Expr, regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(target.LegendFormat, -1))
			for words, unit := range map[string]string{"time()": "s", "_bytes{": "bytes"} {
				if strings.Contains(target.Expr, words) && p.FieldConfig.Defaults.Unit != unit {
					t.Errorf("%s is drawn in the unit %q, want %q", p.Title, p.FieldConfig.Defaults.Unit, unit)
				}
			}
		}
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			asks(t, labels, r.Expr, regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(fmt.Sprint(r.Annotations), -1))
		}
	}
	readme := read(t, "../README.md")
	for name := range labels {
		if ours := strings.HasPrefix(name, "pressrun_"); ours && (!strings.Contains(shown, name+"{") || !strings.Contains(readme, "`"+name+"`")) {
			t.Errorf("the dashboard does not show %s, or the README does not name it", name)
		}
	}
	for _, m := range regexp.MustCompile("`(pressrun_\\w+)`").FindAllStringSubmatch(readme, -1) {
		if labels[m[1]] == nil {
			t.Errorf("the README names %s, which there is not", m[1])
		}
	}
}

// told is what /metrics tells, by name, with the labels of each: ours as described,
// since a newsroom has not everything at once, the others as they are scraped.
func told(t *testing.T) map[string][]string {
	t.Helper()
	labels := map[string][]string{"up": {}} // of each scrape, by Prometheus itself
	for _, g := range gauges {
		labels["pressrun_"+g.name] = append([]string{}, g.labels...)
	}
	r := newCountingRoom(t, "")
	req := httptest.NewRequest("GET", "/metrics", nil)
	req.Header.Set("Authorization", "Bearer "+strings.Fields(r.say(t, "token", "add", "prometheus", "--role", "viewer"))[0])
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, req)
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) `).FindAllStringSubmatch(w.Body.String(), -1) {
		if strings.HasPrefix(m[1], "pressrun_") && labels[m[1]] == nil {
			t.Errorf("%s is told and not described", m[1])
		} else if labels[m[1]] == nil {
			labels[m[1]] = []string{}
		}
	}
	return labels
}

// asks requires that an expression asks for what is told, by labels that it has, and
// that the words beside it use no others. Prometheus itself adds job and instance.
func asks(t *testing.T, told map[string][]string, expr string, words [][]string) {
	t.Helper()
	added := []string{"job", "instance"}
	all := slices.Clone(added)
	names := regexp.MustCompile(`\b((?:pressrun|go|process)_\w+|up)\b(?:{([^}]*)})?`).FindAllStringSubmatch(expr, -1)
	if len(names) == 0 {
		t.Errorf("%s asks for nothing of ours", expr)
	}
	for _, m := range names {
		labels, known := told[m[1]]
		if !known {
			t.Errorf("%s: there is no %s", expr, m[1])
		}
		all = append(all, labels...)
		for _, by := range regexp.MustCompile(`(\w+)\s*[!=]~?=?"`).FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(slices.Concat(added, labels), by[1]) {
				t.Errorf("%s: %s has no label %s", expr, m[1], by[1])
			}
		}
	}
	for _, m := range regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`).FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			words = append(words, []string{"", strings.TrimSpace(label)})
		}
	}
	for _, word := range words {
		if !slices.Contains(all, word[1]) {
			t.Errorf("%s: nothing in it has a label %s", expr, word[1])
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../deploy", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// at walks into what YAML holds.
func at[T any](t *testing.T, v any, way ...any) T {
	t.Helper()
	for _, step := range way {
		switch x := v.(type) {
		case map[string]any:
			v = x[fmt.Sprint(step)]
		case []any:
			v = x[step.(int)]
		}
	}
	out, ok := v.(T)
	if !ok {
		t.Fatalf("%v is %v, a %T", way, v, v)
	}
	return out
}

// chart renders deploy/helm as Helm does, with the functions that it uses, and
// returns its objects by kind.
func chart(t *testing.T, set map[string]any) (map[string]map[string]any, error) {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(read(t, "helm/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	for k, v := range set {
		if _, known := values[k]; !known {
			t.Fatalf("values.yaml does not explain %s", k)
		}
		values[k] = v
	}
	all := template.New("").Option("missingkey=error")
	indent := func(n int, s string) string {
		pad := "\n" + strings.Repeat(" ", n)
		return pad + strings.ReplaceAll(s, "\n", pad)
	}
	all.Funcs(template.FuncMap{
		"quote": func(v any) string { return fmt.Sprintf("%q", v) }, "nindent": indent,
		"required": func(why string, v string) (string, error) {
			if v == "" {
				return "", errors.New(why)
			}
			return v, nil
		},
		"toYaml": func(v any) (string, error) {
			b, err := yaml.Marshal(v)
			return strings.TrimSuffix(string(b), "\n"), err
		},
		"urlParse": func(s string) (map[string]any, error) {
			u, err := url.Parse(s)
			return map[string]any{"hostname": u.Hostname()}, err
		},
		"sha256sum": func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) },
		"include": func(name string, data any) (string, error) {
			var b bytes.Buffer
			err := all.ExecuteTemplate(&b, path.Base(name), data)
			return b.String(), err
		},
	})
	if _, err := all.ParseGlob("../../deploy/helm/templates/*"); err != nil {
		t.Fatal(err)
	}
	data := map[string]any{"Values": values, "Release": map[string]any{"Name": "digest", "Namespace": "news"}, "Template": map[string]any{"BasePath": "templates"}}
	objects := map[string]map[string]any{}
	for _, each := range all.Templates() {
		if !slices.Contains([]string{".yaml", ".txt"}, path.Ext(each.Name())) {
			continue
		}
		var b bytes.Buffer
		if err := each.Execute(&b, data); err != nil {
			return nil, err
		}
		if path.Ext(each.Name()) == ".txt" {
			continue
		}
		var object map[string]any
		if err := yaml.NewDecoder(&b).Decode(&object); errors.Is(err, io.EOF) {
			continue
		} else if err != nil {
			t.Fatalf("%s: %v", each.Name(), err)
		}
		objects[at[string](t, object, "kind")] = object
	}
	return objects, nil
}
