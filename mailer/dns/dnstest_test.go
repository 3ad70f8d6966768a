package dns

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is what the test's DNS server knows: a name and type, such as
// "example.com TXT", and its records.
type zone map[string][]string

// serveDNS answers from a zone on a UDP port of this machine.
func serveDNS(t testing.TB, z zone) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(buf[:n]) == nil && len(q.Questions) == 1 {
				if out, err := z.answer(q).Pack(); err == nil {
					c.WriteTo(out, from)
				}
			}
		}
	}()
	return c.LocalAddr().String()
}

func (z zone) answer(q dnsmessage.Message) *dnsmessage.Message {
	question := q.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	kind := strings.TrimPrefix(question.Type.String(), "Type")
	m := &dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, Authoritative: true, RecursionDesired: true, RecursionAvailable: true}, Questions: q.Questions}
	records, known := z[name+" "+kind]
	if _, broken := z[name+" SERVFAIL"]; broken {
		m.RCode = dnsmessage.RCodeServerFailure
		return m
	}
	if !known {
		m.RCode = dnsmessage.RCodeNameError
		for key := range z {
			if strings.HasPrefix(key, name+" ") {
				m.RCode = dnsmessage.RCodeSuccess // the name has other records
			}
		}
		return m
	}
	for _, text := range records {
		var body dnsmessage.ResourceBody
		switch question.Type {
		case dnsmessage.TypeTXT:
			var parts []string
			for len(text) > 250 {
				parts, text = append(parts, text[:250]), text[250:]
			}
			body = &dnsmessage.TXTResource{TXT: append(parts, text)}
		case dnsmessage.TypeA:
			body = &dnsmessage.AResource{A: [4]byte(net.ParseIP(text).To4())}
		case dnsmessage.TypeAAAA:
			body = &dnsmessage.AAAAResource{AAAA: [16]byte(net.ParseIP(text).To16())}
		case dnsmessage.TypeMX:
			body = &dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName(text)}
		case dnsmessage.TypePTR:
			body = &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(text)}
		default:
			continue
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1}, Body: body})
	}
	return m
}
