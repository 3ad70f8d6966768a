package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Client fetches. The zero value works; set fields before the first use and do
// not copy it afterwards. It may be used concurrently.
type Client struct {
	// UserAgent names us to the sites we read. A good one has an address where
	// a webmaster can reach the operator. Default "pressrun/1 (news digest)".
	UserAgent string
	// Timeout bounds one Get from dialling to the last byte, redirects
	// included, waiting for the host's turn excluded. Default 20 s.
	Timeout time.Duration
	// MaxBytes is the most a body may have after unpacking. Default 15 MB.
	MaxBytes int64
	// Delay is the pause between two requests to one host, longer where its
	// robots.txt was read and asks for more. Default 1 s; negative means none.
	Delay time.Duration
	// Allow lists private ranges that may be read all the same: an intranet, a test.
	Allow []netip.Prefix
	// Proxy, when set, makes all connections. Names are then resolved by the
	// proxy, which has to do the guarding.
	Proxy *url.URL
	// Resolver finds the addresses of names. Default that of this machine.
	Resolver *net.Resolver
	// Control, when set, sees every connection the guard has permitted before
	// it is made, and may refuse it. See net.Dialer.
	Control func(network, address string, c syscall.RawConn) error
	// Now tells the time. Default time.Now.
	Now func() time.Time

	once      sync.Once
	transport *http.Transport
	turns     turns
	robots    robotsCache
}

const (
	maxRedirects = 10
	maxRefreshes = 2
)

// Validators is what a site needs to tell whether a page has changed: keep
// those of the last response and hand them to the next Get.
type Validators struct {
	ETag         string
	LastModified string
	Hash         string // SHA-256 of the body, in hex

	referer string // of this request; see GetFrom
}

// Response is what a site answered.
type Response struct {
	URL string // where the body came from, after redirects
	// MovedTo is where the page has moved for good: set only when every
	// redirect on the way was 301 or 308. Store it and ask there from now on.
	MovedTo string
	Status  int
	// NotModified says the page is as the Validators described it; Body is nil.
	NotModified bool
	Body        []byte // unpacked, owned by the caller
	ContentType string
	Header      http.Header
	Validators
	RetryAfter time.Duration // 0 = the site does not ask for a pause
	MaxAge     time.Duration // how long the site says the page stays fresh, 0 = it does not say

	Sitemaps []Response // of an index of sitemaps, the newest; see GetSitemap
	Partial  bool       // one of them could not be read
}

func (c *Client) setup() {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: c.control, Resolver: c.Resolver}
	direct := &net.Dialer{Timeout: 10 * time.Second}
	c.transport = &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if c.Proxy != nil {
				return direct.DialContext(ctx, network, addr) // always to the proxy, which the operator chose
			}
			return dialer.DialContext(ctx, network, addr)
		},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    1,
		MaxIdleConns:           100,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 128 << 10,
		DisableCompression:     true, // we ask for gzip and undo it ourselves
	}
	if c.Proxy != nil {
		c.transport.Proxy = http.ProxyURL(c.Proxy)
	}
}

// Get fetches a page. With the validators of an earlier response it asks only
// for news: then NotModified may be set and Body nil.
//
// Cookies are kept from one redirect to the next, no longer.
//
// The error is an *Error. When it is about the status, the Response is filled
// in as well.
func (c *Client) Get(ctx context.Context, url string, v Validators) (Response, error) {
	return c.get(ctx, url, v, c.maxBytes())
}

// GetFrom fetches a page as a reader does who follows a link on another, for
// sites that look at where one comes from; "" says nothing about that. A page that
// sends browsers on by itself ("you are being redirected") is followed.
func (c *Client) GetFrom(ctx context.Context, url, referer string) (Response, error) {
	res, err := c.get(ctx, url, Validators{referer: referer}, c.maxBytes())
	for range maxRefreshes {
		next := refresh(res)
		if err != nil || next == "" || next == res.URL {
			break
		}
		res, err = c.get(ctx, next, Validators{referer: referer}, c.maxBytes())
	}
	return res, err
}

func (c *Client) get(ctx context.Context, url string, v Validators, limit int64) (Response, error) {
	c.once.Do(c.setup)
	u, err := c.checkURL(url)
	if err != nil {
		return Response{}, err
	}
	left, permanent := c.timeout(), true
	seen := map[string]bool{}
	cookies, _ := cookiejar.New(nil) // its error is always nil
	for hop := 0; ; hop++ {
		key := u.String()
		step := fmt.Sprint(key, cookies.Cookies(u)) // sites look whether one keeps their cookie by sending one to the same address again
		if hop > maxRedirects || seen[step] {
			return Response{}, &Error{Kind: KindRedirect, URL: url, Message: "the site redirects in a circle or without end: open it in a browser and give the address at which it ends"}
		}
		seen[step] = true
		r, next, took, err := c.hop(ctx, u, cookies, v, limit, left, hop > 0)
		if err != nil {
			return r, failure(key, err)
		}
		if next == "" {
			if hop > 0 && permanent {
				r.MovedTo = r.URL
			}
			return r, nil
		}
		permanent = permanent && (r.Status == http.StatusMovedPermanently || r.Status == http.StatusPermanentRedirect)
		if left -= took; left <= 0 {
			return Response{}, failure(key, context.DeadlineExceeded)
		}
		if u, err = c.checkURL(next); err != nil {
			return Response{}, err
		}
	}
}

// hop waits for its turn and makes one request, which took so long. next is
// where the site sends us, "" = this was the answer.
func (c *Client) hop(ctx context.Context, u *url.URL, cookies http.CookieJar, v Validators, limit int64, left time.Duration, soon bool) (r Response, next string, took time.Duration, err error) {
	done, err := c.turns.wait(ctx, u.Host, max(c.delay(), c.robots.delay(u, c.now())), soon)
	if err != nil {
		return Response{}, "", 0, err
	}
	defer done()
	began := time.Now()
	r, next, err = c.ask(ctx, u, cookies, v, limit, left)
	return r, next, time.Since(began), err
}

func (c *Client) ask(ctx context.Context, u *url.URL, cookies http.CookieJar, v Validators, limit int64, left time.Duration) (r Response, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	req := c.request(ctx, u, v)
	for _, kept := range cookies.Cookies(u) {
		req.AddCookie(kept)
	}
	res, err := c.transport.RoundTrip(req) // redirects are followed by get
	if err != nil {
		return Response{}, "", err
	}
	defer res.Body.Close()
	cookies.SetCookies(u, res.Cookies())
	r = Response{
		URL: u.String(), Status: res.StatusCode, ContentType: res.Header.Get("Content-Type"), Header: res.Header,
		Validators: Validators{ETag: res.Header.Get("ETag"), LastModified: res.Header.Get("Last-Modified")},
		RetryAfter: retryAfter(res.Header, c.now()), MaxAge: maxAge(res.Header),
	}
	switch {
	case res.StatusCode == http.StatusNotModified || res.StatusCode == http.StatusOK && v.ETag != "" && v.ETag == r.ETag:
		r.NotModified, r.Validators = true, r.merge(v)
		return r, "", nil
	case isRedirect(res.StatusCode):
		to, err := u.Parse(res.Header.Get("Location"))
		if err != nil || res.Header.Get("Location") == "" {
			return r, "", &Error{Kind: KindRedirect, URL: r.URL, Status: r.Status, Message: "the site redirects to nowhere: open it in a browser and give the address at which it ends"}
		}
		to.Fragment = ""
		return r, to.String(), nil
	case res.StatusCode < 200 || res.StatusCode > 299:
		return r, "", refusal(r, res)
	}
	if r.Body, err = readBody(res, limit); err != nil {
		return Response{URL: r.URL, Status: r.Status, Header: r.Header}, "", err
	}
	if len(r.Body) == 0 {
		return r, "", &Error{Kind: KindEmpty, URL: r.URL, Status: r.Status, Temporary: true, Message: "the site sent an empty page: it may hold back robots, or the feed may have moved; open it in a browser"}
	}
	sum := sha256.Sum256(r.Body)
	if r.Hash = hex.EncodeToString(sum[:]); r.Hash == v.Hash {
		r.NotModified, r.Body = true, nil
	}
	return r, "", nil
}

// merge keeps what a 304 left out (RFC 9110 section 15.4.5 wants only some of it sent).
func (v Validators) merge(old Validators) Validators {
	if v.ETag == "" {
		v.ETag = old.ETag
	}
	if v.LastModified == "" {
		v.LastModified = old.LastModified
	}
	v.Hash = old.Hash
	return v
}

func (c *Client) request(ctx context.Context, u *url.URL, v Validators) *http.Request {
	req := (&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	req.Header.Set("User-Agent", c.userAgent())
	req.Header.Set("Accept", "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, application/json;q=0.9, text/html;q=0.8, */*;q=0.5")
	req.Header.Set("Accept-Encoding", "gzip")
	if v.referer != "" {
		req.Header.Set("Referer", v.referer)
	}
	if v.ETag != "" {
		req.Header.Set("If-None-Match", v.ETag)
	}
	if v.LastModified != "" {
		req.Header.Set("If-Modified-Since", v.LastModified)
	}
	return req
}

func isRedirect(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// refusal tells a bot challenge from an ordinary status.
func refusal(r Response, res *http.Response) *Error {
	page, _ := io.ReadAll(io.LimitReader(res.Body, 32<<10)) // whatever can be read: only to choose the words
	if isChallenge(res.Header, string(page)) {
		return &Error{Kind: KindChallenge, URL: r.URL, Status: r.Status, RetryAfter: r.RetryAfter, Temporary: true,
			Message: "the site's guard wants to see a browser: ask the site to let our user agent in, or use another of its feeds"}
	}
	return statusError(r.URL, r.Status, r.RetryAfter)
}

func isChallenge(h http.Header, page string) bool {
	if h.Get("Cf-Mitigated") == "challenge" {
		return true
	}
	for _, mark := range []string{"challenge-platform", "cf-chl-", "<title>Just a moment...", "_Incapsula_Resource", "captcha-delivery.com", "DDoS-Guard", "sucuri_cloudproxy"} {
		if strings.Contains(page, mark) {
			return true
		}
	}
	return false
}

// readBody unpacks and bounds a body. A header that claims too much is
// believed; one that claims little is not.
func readBody(res *http.Response, limit int64) ([]byte, error) {
	tooLarge := &Error{Kind: KindTooLarge, URL: res.Request.URL.String(), Status: res.StatusCode,
		Message: fmt.Sprintf("the page is larger than %d MB: ask the site for a shorter feed", max(limit>>20, 1))}
	if res.ContentLength > limit {
		return nil, tooLarge
	}
	// Time is for what the site does, size for what we do: it is unpacked when all
	// has come.
	sent, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	switch {
	case int64(len(sent)) > limit:
		return nil, tooLarge
	case err != nil && !isTimeout(err) && res.Request.Context().Err() == nil:
		return nil, damaged(res, err)
	case err != nil || len(sent) == 0:
		return nil, err
	}
	enc := strings.ToLower(strings.TrimSpace(res.Header.Get("Content-Encoding")))
	switch {
	case enc == "" || enc == "identity" || isMarkup(sent): // some say gzip, none or UTF-8 and send it as it is
		return sent, nil
	case enc != "gzip" && enc != "x-gzip":
		return nil, &Error{Kind: KindDamaged, URL: res.Request.URL.String(), Status: res.StatusCode,
			Message: fmt.Sprintf("the page is packed as %q although we asked for gzip: tell the site that it overlooks Accept-Encoding", enc)}
	}
	out, err := gunzip(sent, limit)
	switch {
	case int64(len(out)) > limit:
		return nil, tooLarge
	case err != nil:
		return nil, damaged(res, err)
	}
	return out, nil
}

// isMarkup reports whether a body is HTML, XML or JSON as it stands.
func isMarkup(body []byte) bool {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	return len(body) > 0 && bytes.IndexByte([]byte("<{["), body[0]) >= 0
}

// gunzip unpacks at most limit bytes and one more. What stands behind the packed
// part, as an empty line that a script adds, is nobody's: browsers pass it over.
func gunzip(sent []byte, limit int64) (out []byte, err error) {
	left := bytes.NewReader(sent)
	zr, err := gzip.NewReader(left)
	for err == nil && int64(len(out)) <= limit {
		zr.Multistream(false)
		part, err := io.ReadAll(io.LimitReader(zr, limit+1-int64(len(out))))
		if out = append(out, part...); err != nil || zr.Reset(left) != nil {
			return out, err
		}
	}
	return out, err
}

func damaged(res *http.Response, err error) error {
	return &Error{Kind: KindDamaged, URL: res.Request.URL.String(), Status: res.StatusCode, Temporary: true, Err: err,
		Message: "the page was cut short or damaged on its way: it is tried again later; if it stays so, tell the site"}
}

func (c *Client) userAgent() string {
	if c.UserAgent == "" {
		return "pressrun/1 (news digest)"
	}
	return c.UserAgent
}

func (c *Client) timeout() time.Duration {
	if c.Timeout <= 0 {
		return 20 * time.Second
	}
	return c.Timeout
}

func (c *Client) maxBytes() int64 {
	if c.MaxBytes <= 0 {
		return 15 << 20
	}
	return c.MaxBytes
}

func (c *Client) delay() time.Duration {
	switch {
	case c.Delay == 0:
		return time.Second
	case c.Delay < 0:
		return 0
	}
	return c.Delay
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Close ends idle connections. The client may be used again.
func (c *Client) Close() {
	c.once.Do(c.setup)
	c.transport.CloseIdleConnections()
}
