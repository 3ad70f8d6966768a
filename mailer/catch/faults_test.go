package catch_test

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/mailer/catch"
)

// code is the SMTP answer in an error of net/smtp, "" for a lost connection.
func code(err error) string {
	if err == nil {
		return "250"
	}
	if s := err.Error(); len(s) > 3 && s[0] >= '4' && s[0] <= '5' && s[3] == ' ' {
		return s[:3]
	}
	return ""
}

func TestFaults(t *testing.T) {
	only := func(want string) func(string) bool {
		return func(addr string) bool { return strings.HasPrefix(addr, want) }
	}
	tests := []struct {
		name  string
		rule  catch.Rule
		want  []string // answers to three attempts
		taken int
	}{
		{"greylisted once", catch.Rule{Code: 451, Times: 1}, []string{"451", "250", "250"}, 2},
		{"unknown user", catch.Rule{Code: 550}, []string{"550", "550", "550"}, 0},
		{"another recipient", catch.Rule{Code: 550, Match: only("grace")}, []string{"250", "250", "250"}, 3},
		{"421 closes", catch.Rule{Code: 421, Times: 1}, []string{"421", "250", "250"}, 2},
		{"refused after the dot", catch.Rule{Stage: catch.AtDot, Code: 552, Times: 2}, []string{"552", "552", "250"}, 1},
		{"refused in the body", catch.Rule{Stage: catch.AtData, Code: 451, Times: 1}, []string{"451", "250", "250"}, 2},
		{"dropped in the body", catch.Rule{Stage: catch.AtData, Drop: true, After: 10, Times: 1}, []string{"", "250", "250"}, 2},
		{"dropped after the dot", catch.Rule{Stage: catch.AtDot, Drop: true, Times: 1}, []string{"", "250", "250"}, 2},
		{"taken, answer lost", catch.Rule{Stage: catch.AtDot, Drop: true, Taken: true, Times: 1}, []string{"", "250", "250"}, 3},
		{"no greeting", catch.Rule{Stage: catch.AtConn, Drop: true, Limit: 2}, []string{"", "", "250"}, 1},
		{"busy", catch.Rule{Stage: catch.AtConn, Code: 421, Limit: 1}, []string{"421", "250", "250"}, 2},
		{"twice in all", catch.Rule{Code: 452, Limit: 2}, []string{"452", "452", "250"}, 1},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := &catch.Catcher{Book: true}
			addr := serve(t, c)
			c.Misbehave(catch.Faults{Rules: []catch.Rule{tc.rule}})
			var got []string
			for range 3 {
				got = append(got, code(send(addr, "ada@example.org", letter("ada@example.org", "hello"))))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got answers %q, want %q", got, tc.want)
			}
			if ids := c.Booked("ada@example.org"); len(ids) != tc.taken {
				t.Errorf("got %v booked, want %d", ids, tc.taken)
			}
			if n := len(c.Messages("")); n != tc.taken {
				t.Errorf("got %d mails kept, want %d", n, tc.taken)
			}
		})
	}
}

func TestGreylistingEndsWithTime(t *testing.T) {
	var hours atomic.Int64
	c := &catch.Catcher{Now: func() time.Time {
		return time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC).Add(time.Duration(hours.Load()) * time.Hour)
	}}
	addr := serve(t, c)
	c.Misbehave(catch.Faults{Rules: []catch.Rule{{Code: 451, For: 48 * time.Hour}}})
	for _, step := range []struct {
		hours int64
		want  string
	}{{0, "451"}, {47, "451"}, {48, "250"}} {
		hours.Store(step.hours)
		if got := code(send(addr, "ada@example.org", letter("ada@example.org", "hello"))); got != step.want {
			t.Errorf("after %d hours: got %q, want %q", step.hours, got, step.want)
		}
	}
}

func TestShareIsTheSameForEveryAttempt(t *testing.T) {
	c := &catch.Catcher{}
	addr := serve(t, c)
	c.Misbehave(catch.Faults{Rules: []catch.Rule{{Code: 550, Share: .3, Seed: "a"}}})
	refused := 0
	for i := range 100 {
		to := fmt.Sprintf("reader%d@example.org", i)
		first, second := code(send(addr, to, letter(to, "x"))), code(send(addr, to, letter(to, "x")))
		if first != second {
			t.Errorf("%s: got %q, then %q", to, first, second)
		}
		if first == "550" {
			refused++
		}
	}
	if refused < 15 || refused > 45 {
		t.Errorf("got %d of 100 refused, want about 30", refused)
	}
}

func TestAudit(t *testing.T) {
	c := &catch.Catcher{Book: true}
	addr := serve(t, c)
	for _, to := range []string{"once@example.org", "Twice@example.org", "twice@example.org", "stranger@example.org"} {
		if err := send(addr, to, letter(to, "hello")); err != nil {
			t.Fatal(err)
		}
	}
	got := c.Audit([]string{"once@example.org", "twice@example.org", "lost@example.org", "LOST@example.org"})
	want := catch.Audit{Expected: 3, Once: 1, Lost: []string{"lost@example.org"}, Doubled: []string{"twice@example.org"}, Strangers: []string{"stranger@example.org"}}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOutages(t *testing.T) {
	for name, kind := range map[string]catch.Outage{"refuse": catch.OutageRefuse, "busy": catch.OutageBusy} {
		t.Run(name, func(t *testing.T) {
			c := &catch.Catcher{}
			addr := serve(t, c)
			c.Away(kind, time.Hour)
			if got := code(send(addr, "ada@example.org", letter("ada@example.org", "x"))); got == "250" {
				t.Errorf("got %q while away", got)
			}
			c.Away(catch.OutageNone, 0)
			var err error
			for range 100 {
				if err = send(addr, "ada@example.org", letter("ada@example.org", "x")); err == nil {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			if err != nil {
				t.Errorf("after the outage: %v", err)
			}
		})
	}
}

func TestStallAnswersNothing(t *testing.T) {
	c := &catch.Catcher{}
	addr := serve(t, c)
	c.Away(catch.OutageStall, time.Hour)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
		t.Error("got a greeting during the stall")
	}
	c.Away(catch.OutageNone, 0)
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Errorf("after the stall: %v", err)
	}
}

func TestPipelinedRepliesLeaveTogether(t *testing.T) {
	c := &catch.Catcher{}
	conn, err := net.Dial("tcp", serve(t, c))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text := textproto.NewConn(conn)
	if _, _, err := text.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	text.PrintfLine("EHLO client.example")
	_, ext, err := text.ReadResponse(250)
	if err != nil || !strings.Contains(ext, "PIPELINING") {
		t.Fatalf("EHLO: got %q, %v", ext, err)
	}
	fmt.Fprint(conn, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
	time.Sleep(100 * time.Millisecond)
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if got := strings.Count(string(buf[:n]), "\r\n"); err != nil || got != 3 {
		t.Errorf("got %d replies in one read (%q), %v; want 3", got, buf[:n], err)
	}
}

func TestManyConnectionsAtOnce(t *testing.T) {
	c := &catch.Catcher{Book: true}
	addr := serve(t, c)
	c.Misbehave(catch.Faults{Rules: []catch.Rule{{Code: 451, Share: .2, Times: 1}, {Stage: catch.AtDot, Drop: true, Taken: true, Share: .05, Times: 1, Seed: "b"}}})
	var want []string
	done := make(chan error)
	for i := range 40 {
		to := fmt.Sprintf("reader%d@example.org", i)
		want = append(want, to)
		go func() {
			err := send(addr, to, letter(to, "hello"))
			for n := 0; code(err) == "451" && n < 3; n++ {
				err = send(addr, to, letter(to, "hello"))
			}
			done <- err
		}()
	}
	for range 40 {
		<-done
	}
	if a := c.Audit(want); a.Once != 40 {
		t.Errorf("got %+v, want each once", a)
	}
}
