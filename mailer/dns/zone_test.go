package dns

import (
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is what the test's DNS server knows: a name and type, such as
// "example.com TXT", and its records.
type zone map[string][]string

func (z zone) answer(question dnsmessage.Question) (dnsmessage.RCode, []dnsmessage.Resource) {
	name := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	kind := strings.TrimPrefix(question.Type.String(), "Type")
	if _, broken := z[name+" SERVFAIL"]; broken {
		return dnsmessage.RCodeServerFailure, nil
	}
	records, known := z[name+" "+kind]
	if !known {
		for key := range z {
			if strings.HasPrefix(key, name+" ") {
				return dnsmessage.RCodeSuccess, nil // the name has other records
			}
		}
		return dnsmessage.RCodeNameError, nil
	}
	var answers []dnsmessage.Resource
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
		answers = append(answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1}, Body: body})
	}
	return dnsmessage.RCodeSuccess, answers
}
