// Package dnstest gives tests a DNS server of their own.
package dnstest

import (
	"net"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Serve answers questions on a UDP port of this machine until the test ends, and
// returns its address.
func Serve(tb testing.TB, answer func(dnsmessage.Question) (dnsmessage.RCode, []dnsmessage.Resource)) string {
	tb.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(buf[:n]) != nil || len(q.Questions) != 1 {
				continue
			}
			m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, Authoritative: true, RecursionDesired: true, RecursionAvailable: true}, Questions: q.Questions}
			m.RCode, m.Answers = answer(q.Questions[0])
			if out, err := m.Pack(); err == nil {
				c.WriteTo(out, from)
			}
		}
	}()
	return c.LocalAddr().String()
}
