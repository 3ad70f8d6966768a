package fetch

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "172.32.0.1": true, "100.128.0.1": true, "2606:4700::1111": true, "2a00:1450::1": true,
		"127.0.0.1": false, "127.255.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "192.0.0.8": false, "192.0.2.1": false,
		"198.18.0.1": false, "203.0.113.9": false, "224.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::7f00:1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false, "ff02::1": false,
		"2001:db8::1": false, "fec0::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::808:808": true, "64:ff9b:1::1": false,
		"2002:7f00:1::": false, "2002:808:808::": true, "2001:0:1::1": false,
	} {
		var c Client
		if err := c.permit(netip.MustParseAddr(addr)); (err == nil) != want {
			t.Errorf("%s: %v, want permitted %v", addr, err, want)
		}
	}
}

// watch is a client that may reach exactly one loopback address and records
// every address it is about to connect to: nothing else may ever be dialled.
type watch struct {
	*Client
	mu     sync.Mutex
	dialed []string
}

func only(addr string) *watch {
	w := &watch{}
	w.Client = &Client{Delay: -1, Timeout: 3 * time.Second, Allow: []netip.Prefix{netip.MustParsePrefix(addr + "/32")}}
	w.Control = func(_, address string, _ syscall.RawConn) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.dialed = append(w.dialed, address)
		return nil
	}
	return w
}

func TestRedirectsIntoTheHouseAreRefused(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		}
	})
	for to, kind := range map[string]string{
		"http://169.254.169.254/latest/meta-data/": KindBlocked,
		"http://10.0.0.1/":                         KindBlocked,
		"http://192.168.0.1:8080/":                 KindBlocked,
		"http://172.20.1.1/":                       KindBlocked,
		"http://127.0.0.2/":                        KindBlocked, // a loopback address, but not the one allowed
		"http://[::ffff:127.0.0.2]/":               KindBlocked,
		"http://[::1]/":                            KindBlocked,
		"http://[fe80::1]/":                        KindBlocked,
		"http://[fe80::1%25lo]/":                   KindRedirect,
		"http://[64:ff9b::7f00:2]/":                KindBlocked,
		"http://100.100.100.200/":                  KindBlocked,
		"http://0.0.0.0/":                          KindBlocked,
		"file:///etc/passwd":                       KindURL,
		"gopher://127.0.0.1/":                      KindURL,
		"//user:secret@127.0.0.1/":                 KindURL,
	} {
		t.Run(to, func(t *testing.T) {
			w := only("127.0.0.1")
			_, err := w.Get(t.Context(), s.URL+"/?to="+to, Validators{})
			wantKind(t, err, kind)
			for _, a := range w.dialed {
				if !strings.HasPrefix(a, "127.0.0.1:") {
					t.Errorf("dialled %s", a)
				}
			}
		})
	}
}

// TestNamesOfTheHouseAreRefused: names that resolve to addresses inside are
// stopped at the dialler, after DNS, however the number is written.
func TestNamesOfTheHouseAreRefused(t *testing.T) {
	for _, u := range []string{"http://localhost/", "http://LOCALHOST.:80/", "http://0177.0.0.1/", "http://2130706433/", "http://127.1/", "http://0x7f000001/"} {
		c := only("192.0.2.1")
		_, err := c.Get(t.Context(), u, Validators{})
		if err == nil {
			t.Errorf("%s: got no error", u)
		}
		if len(c.dialed) > 0 {
			t.Errorf("%s: dialled %s", u, c.dialed)
		}
	}
	c := only("192.0.2.1")
	_, err := c.Get(t.Context(), "http://localhost/", Validators{})
	wantKind(t, err, KindBlocked)
}

// TestNamesThatChangeTheirMind: a name that resolved to an allowed address and now
// resolves to one inside is stopped at the dialler.
func TestNamesThatChangeTheirMind(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, "x")
	})
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	w := only("127.0.0.1")
	w.Resolver = nameServer(t, map[string]string{"fickle.example.": "127.0.0.1"})
	if _, err := w.Get(t.Context(), "http://fickle.example:"+port+"/", Validators{}); err != nil {
		t.Fatal(err)
	}
	again := only("127.0.0.1")
	again.Resolver = nameServer(t, map[string]string{"fickle.example.": "169.254.169.254"})
	_, err := again.Get(t.Context(), "http://fickle.example:"+port+"/", Validators{})
	wantKind(t, err, KindBlocked)
	if len(again.dialed) > 0 {
		t.Errorf("dialled %s", again.dialed)
	}
}

// TestProxyGuards: with a proxy, which the operator chose and which may stand
// anywhere, names are its business; numbers are still refused here.
func TestProxyGuards(t *testing.T) {
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "by proxy: ", r.URL) })
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{Delay: -1, Timeout: 5 * time.Second, Proxy: u} // 127.0.0.1 is not in Allow
	if r, err := c.Get(t.Context(), "http://news.example/feed", Validators{}); err != nil || string(r.Body) != "by proxy: http://news.example/feed" {
		t.Errorf("%s, %v", r.Body, err)
	}
	_, err = c.Get(t.Context(), "http://169.254.169.254/latest", Validators{})
	wantKind(t, err, KindBlocked)
}

func TestBadAddresses(t *testing.T) {
	for _, u := range []string{"", "a.example", "ftp://a.example/", "http://", "http://%zz/", "javascript:alert(1)", "https://" + strings.Repeat("a", 9000)} {
		_, err := new(Client).Get(t.Context(), u, Validators{})
		wantKind(t, err, KindURL)
	}
}

func ExampleError() {
	_, err := new(Client).Get(context.Background(), "http://169.254.169.254/", Validators{})
	fmt.Println(err.(*Error).Message)
	// Output: 169.254.169.254 is inside a private network, which pressrun does not read; if this is your own intranet, put its range into allow under [fetch] in press.toml and try again
}
