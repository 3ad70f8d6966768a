package mailer_test

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"pressrun/deploy/schema"
	"pressrun/mailer"
	"pressrun/mailer/intake"
)

type imapLiteral struct{ *bytes.Reader }

func (l imapLiteral) Size() int64 { return l.Reader.Size() }

// TestPollMailbox reads a mailbox: what is in it counts once, also when the server
// numbers its mails anew.
func TestPollMailbox(t *testing.T) {
	each(t, func(t *testing.T, db *schema.DB, _ string) {
		r := newRoom(t, db, 3)
		r.intake()
		r.freeze()
		r.layOut()
		server, user := imapmemserver.New(), imapmemserver.NewUser("bounces", "secret")
		server.AddUser(user)
		if err := user.Create("Back", nil); err != nil {
			t.Fatal(err)
		}
		s := imapserver.New(&imapserver.Options{
			NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
				return server.NewSession(), nil, nil
			},
			InsecureAuth: true, Caps: imap.CapSet{imap.CapIMAP4rev1: {}},
		})
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go s.Serve(l)
		defer s.Close()
		for _, to := range []string{"Delivered-To: d1@b.example", "X-Original-To: d2@b.example", "To: x@b.example"} {
			raw := to + "\r\n" + strings.Join(hardDSN, "\r\n") + "\r\n"
			if _, err := user.Append("Back", imapLiteral{bytes.NewReader([]byte(raw))}, &imap.AppendOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		box := &intake.Mailbox{URL: "imap://bounces@" + l.Addr().String(), Password: "secret", Folder: "Back"}
		for i, want := range []int{3, 0, 3} {
			if i == 2 { // as if the server had begun another UIDVALIDITY
				if _, err := db.Write.Exec(`delete from intakes`); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := r.PollMailbox(t.Context(), box); err != nil || n != want {
				t.Errorf("poll %d: %d mails, %v; want %d", i, n, err, want)
			}
			list, total, err := r.Returned(t.Context(), mailer.ReturnedFilter{})
			if err != nil || total != 3 {
				t.Errorf("poll %d: %d are booked, %v: %+v; want 3", i, total, err, list)
			}
		}
		if len(r.suppressed) != 2 || r.suppressed[r.delivery(1).Subscriber] != "hard" {
			t.Errorf("suppressed %v, want two", r.suppressed)
		}
	})
}
