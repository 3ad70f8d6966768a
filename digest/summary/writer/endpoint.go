package writer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// retries after a first failure that may pass.
const retries = 2

// Check reports in words what is wrong with an endpoint: it must be https
// unless it is on this machine, and elsewhere its host must be one of hosts.
func Check(endpoint string, hosts []string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("it is not a web address; write https://model.example.com/v1/chat/completions")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("take user, password and query out of it; the key has its own place")
	}
	if !strings.HasSuffix(u.Path, "/chat/completions") {
		return fmt.Errorf("it must end in /chat/completions, as in %s://%s/v1/chat/completions", u.Scheme, u.Host)
	}
	if onThisMachine(u.Hostname()) {
		return nil
	}
	if u.Scheme != "https" {
		return errors.New("it must begin with https:// because it is not on this machine")
	}
	if !slices.Contains(hosts, u.Hostname()) {
		return fmt.Errorf("articles are sent to named hosts alone; add %q to hosts if you mean it", u.Hostname())
	}
	return nil
}

func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// newClient follows no redirect: the host that was allowed is the one that is asked.
func newClient() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// question is the common part of the protocol that we use; no tools.
type question struct {
	Model          string            `json:"model"`
	Messages       []message         `json:"messages"`
	MaxTokens      int               `json:"max_tokens"`
	Temperature    float64           `json:"temperature"`
	ResponseFormat map[string]string `json:"response_format"`
}

// reply is what came back, and what it used.
type reply struct {
	content        string
	finish         string
	declined       string
	tools          bool
	sent, received int64
}

// post asks, and asks again where a failure may pass.
func (w *Writer) post(ctx context.Context, p prompt) (reply, error) {
	body, err := json.Marshal(question{Model: w.Model, Messages: []message{{"system", p.system}, {"user", p.user}}, MaxTokens: p.maxTokens(),
		ResponseFormat: map[string]string{"type": "json_object"}})
	if err != nil {
		return reply{}, &Failed{Why: "the question could not be written"}
	}
	for n := 0; ; n++ {
		held, err := w.reserve(ctx, p)
		if err != nil {
			return reply{}, err
		}
		r, wait, err := w.try(ctx, body)
		if err := w.settle(ctx, held, r, err); err != nil {
			w.Log.Error("count what the language model used", "err", err)
		}
		if err == nil || wait < 0 || n == retries || !w.rest(ctx, wait, n) {
			w.breaker.note(w.Now(), err == nil)
			return r, err
		}
	}
}

// rest waits before another try; false = there is no time for one.
func (w *Writer) rest(ctx context.Context, wait time.Duration, n int) bool {
	if wait == 0 {
		wait = time.Second << n
	}
	wait += time.Duration(rand.Int64N(int64(wait)/4 + 1))
	end, ok := ctx.Deadline()
	return (!ok || time.Until(end) > wait) && w.pause(ctx, wait) == nil
}

// try sends the question once. wait is how long to wait before another try:
// 0 = as long as we like, negative = there is no use in trying again.
func (w *Writer) try(ctx context.Context, body []byte) (r reply, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return r, -1, &Failed{Why: "its address cannot be used"}
	}
	req.Header.Set("Content-Type", "application/json")
	if w.Key != "" {
		req.Header.Set("Authorization", "Bearer "+w.Key)
	}
	var asked atomic.Bool
	res, err := w.client.Do(req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { asked.Store(true) }})))
	if ctx.Err() != nil {
		return r, -1, &Failed{Why: "it did not answer in time", billed: true}
	}
	if err != nil {
		return r, 0, &Failed{Why: "it could not be reached", billed: asked.Load()}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return r, waitFor(res, w.Now()), &Failed{Why: "it answered HTTP " + strconv.Itoa(res.StatusCode)}
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case ctx.Err() != nil:
		return r, -1, &Failed{Why: "it did not answer in time", billed: true}
	case err != nil:
		return r, 0, &Failed{Why: "its answer broke off", billed: true}
	case len(b) > maxAnswer:
		return r, -1, &Failed{Why: "its answer is longer than a megabyte", billed: true}
	}
	if r, err = readReply(b); err != nil {
		return r, -1, err
	}
	return r, 0, nil
}

// waitFor is the wait that a failed answer asks for (RFC 9110 section 10.2.3:
// seconds or a date); negative when another try is no use.
func waitFor(res *http.Response, now time.Time) time.Duration {
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500 {
		return -1
	}
	after := res.Header.Get("Retry-After")
	if n, err := strconv.Atoi(after); err == nil && n >= 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if t, err := http.ParseTime(after); err == nil {
		return min(max(0, t.Sub(now)), time.Hour)
	}
	return 0
}

// readReply reads the protocol's answer.
func readReply(b []byte) (reply, error) {
	var a struct {
		Choices []struct {
			FinishReason string `json:"finish_reason"`
			Message      struct {
				Content   string            `json:"content"`
				Refusal   string            `json:"refusal"`
				ToolCalls []json.RawMessage `json:"tool_calls"`
			} `json:"message"`
		} `json:"choices"`
		Usage struct {
			PromptTokens     int64 `json:"prompt_tokens"`
			CompletionTokens int64 `json:"completion_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return reply{}, &Failed{Why: "its answer is not the protocol's JSON", billed: true}
	}
	if len(a.Choices) == 0 {
		return reply{}, &Failed{Why: "its answer holds no choice", billed: true}
	}
	c := a.Choices[0]
	const most = 1 << 30 // what a lying server can make us count
	return reply{content: c.Message.Content, finish: c.FinishReason, declined: c.Message.Refusal, tools: len(c.Message.ToolCalls) > 0,
		sent: min(max(a.Usage.PromptTokens, 0), most), received: min(max(a.Usage.CompletionTokens, 0), most)}, nil
}

// text is the summary in the strict JSON {"summary": "…"}; anything else is refused.
func (r reply) text() (string, error) {
	switch {
	case r.tools:
		return "", &Refused{"form", "it asked for a tool"}
	case r.declined != "" || r.finish == "content_filter":
		return "", &Refused{"refusal", "it declined to write"}
	case r.finish == "length":
		return "", &Refused{"length", "it broke off"}
	}
	text, err := strictSummary(r.content)
	if err != nil {
		return "", &Refused{"form", "its answer is not the JSON that was asked for"}
	}
	return text, nil
}

// strictSummary reads an object with the one key "summary", once, and nothing
// around it.
func strictSummary(s string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(s))
	var text string
	for i, want := range []any{json.Delim('{'), "summary", nil, json.Delim('}')} {
		t, err := dec.Token()
		if err != nil {
			return "", err
		}
		if i == 2 {
			v, ok := t.(string)
			if !ok {
				return "", errors.New("the summary is no string")
			}
			text = v
		} else if t != want {
			return "", fmt.Errorf("%v in place of %v", t, want)
		}
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", errors.New("something follows the object")
	}
	return text, nil
}
