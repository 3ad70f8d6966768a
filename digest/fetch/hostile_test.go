package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// raw serves one canned answer, byte by byte as given, to everybody.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(5 * time.Second))
				conn.Read(make([]byte, 4096))
				answer(conn)
			})
		}
	})
	return "http://" + l.Addr().String() + "/"
}

func say(s string) func(net.Conn) { return func(c net.Conn) { io.WriteString(c, s) } }

// drip sends s again and again, slowly, until the peer has had enough.
func drip(first, s string, pause time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, first)
		for {
			if _, err := io.WriteString(c, s); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}
}

// nameServer answers for the names given, on loopback, and knows no others.
func nameServer(t *testing.T, hosts map[string]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for packet := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if address, known := hosts[q.Name.String()]; !known {
				m.RCode = dnsmessage.RCodeNameError
			} else if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
					Body: &dnsmessage.AResource{A: netip.MustParseAddr(address).As4()}}}
			}
			if answer, err := m.Pack(); err == nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// TestHostileServers: whatever a server does, Get ends within its time and
// size, in words, and the other sources are read meanwhile.
func TestHostileServers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	var bomb bytes.Buffer
	zw := gzip.NewWriter(&bomb)
	for range 64 {
		zw.Write(make([]byte, 1<<20))
	}
	zw.Close()
	packed := fmt.Sprintf("%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", ok, bomb.Len(), bomb.String())
	good := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "good") })
	loop := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, map[string]string{"/a": "/b", "/b": "/a"}[r.URL.Path], http.StatusFound)
	})
	var hops atomic.Int64
	endless := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, fmt.Sprintf("/%d", hops.Add(1)), http.StatusFound)
	})
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down.Close()
	tlsServer := httptest.NewUnstartedServer(http.NotFoundHandler())
	tlsServer.Config.ErrorLog = log.New(io.Discard, "", 0)
	tlsServer.StartTLS()
	t.Cleanup(tlsServer.Close)

	names := nameServer(t, map[string]string{"house.example.": "10.9.8.7"})

	for _, c := range []struct{ name, url, kind string }{
		{"silence", raw(t, func(c net.Conn) { time.Sleep(2 * time.Second) }), KindTimeout},
		{"slow-loris in the headers", raw(t, drip(ok, "X: y\r\n", 50*time.Millisecond)), KindTimeout},
		{"slow-loris in the body", raw(t, drip(ok+"\r\n", "x", 50*time.Millisecond)), KindTimeout},
		{"endless body", raw(t, drip(ok+"\r\n", strings.Repeat("x", 1<<20), 0)), KindTooLarge},
		{"endless headers", raw(t, drip(ok, "X: "+strings.Repeat("y", 1<<10)+"\r\n", 0)), KindRefused},
		{"claims to be huge", raw(t, say(ok+"Content-Length: 99999999999\r\n\r\nx")), KindTooLarge},
		{"shorter than it claims", raw(t, say(ok+"Content-Length: 100\r\n\r\nshort")), KindDamaged},
		{"gzip bomb", raw(t, say(packed)), KindTooLarge},
		{"gzip cut short", raw(t, say(fmt.Sprintf("%sContent-Encoding: gzip\r\nConnection: close\r\n\r\n%s", ok, bomb.String()[:100]))), KindDamaged},
		{"gzip that is none", raw(t, say(ok+"Content-Encoding: gzip\r\nConnection: close\r\n\r\nplain text, really")), KindDamaged},
		{"packed as something else", raw(t, say(ok+"Content-Encoding: br\r\nConnection: close\r\n\r\nxx")), KindDamaged},
		{"no HTTP at all", raw(t, say("SSH-2.0-OpenSSH_9.2\r\n")), KindRefused},
		{"nothing", raw(t, func(net.Conn) {}), KindRefused},
		{"redirect in a circle", loop.URL + "/a", KindRedirect},
		{"redirect without end", endless.URL, KindRedirect},
		{"redirect to nowhere", raw(t, say("HTTP/1.1 302 Found\r\nConnection: close\r\n\r\n")), KindRedirect},
		{"nobody listens", "http://" + down.Addr().String(), KindRefused},
		{"a name that is none", "http://no-such-name.example/", KindDNS},
		{"a name of an address inside", "http://house.example/", KindBlocked},
		{"unknown certificate", tlsServer.URL, KindTLS},
		{"TLS where there is none", strings.Replace(good.URL, "http://", "https://", 1), KindTLS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := local()
			client.Timeout, client.MaxBytes = 700*time.Millisecond, 2<<20
			client.Resolver = names
			began := time.Now()
			_, err := client.Get(t.Context(), c.url, Validators{})
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			wantKind(t, err, c.kind)
			if r, err := client.Get(t.Context(), good.URL, Validators{}); err != nil || string(r.Body) != "good" {
				t.Errorf("the other source: %v", err)
			}
		})
	}
}

func TestOneAtATimePerHost(t *testing.T) {
	var running, most, served atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), running.Add(1)))
		time.Sleep(5 * time.Millisecond)
		running.Add(-1)
		served.Add(1)
		fmt.Fprint(w, "x")
	})
	c := local()
	c.Delay = 10 * time.Millisecond
	began := time.Now()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.Get(t.Context(), s.URL, Validators{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 || served.Load() != 8 {
		t.Errorf("%d requests at once, want 1; %d served", most.Load(), served.Load())
	}
	if took := time.Since(began); took < 7*15*time.Millisecond {
		t.Errorf("eight requests in %v: no pause in between", took)
	}
}

func TestWaitingForAHostCanBeGivenUp(t *testing.T) {
	busy := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-busy })
	defer close(busy)
	c := local()
	go c.Get(context.Background(), s.URL, Validators{})
	for served := false; !served; time.Sleep(time.Millisecond) {
		c.turns.mu.Lock()
		served = len(c.turns.hosts) > 0
		c.turns.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := c.Get(ctx, s.URL, Validators{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestHostsAreForgotten(t *testing.T) {
	var turns turns
	for i := range 3 * maxIdleTurns {
		done, err := turns.wait(t.Context(), fmt.Sprint("host", i), 0, false)
		if err != nil {
			t.Fatal(err)
		}
		done()
	}
	if n := len(turns.hosts); n > maxIdleTurns {
		t.Errorf("%d hosts remembered", n)
	}
}
