package mailer

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/mailer/dkim"
	"pressrun/mailer/smtp"
)

// A Mailer sends what is due and keeps the ledger. The fields are set once,
// before the first call; its methods may be called concurrently, and several
// processes may run one on the same database.
type Mailer struct {
	DB  *schema.DB
	Now func() time.Time // nil means time.Now

	// Relays take the mail, in this order or by share, within their Quotas.
	Relays []*smtp.Relay
	// Quotas bound what relays are given, by their names.
	Quotas map[string]Quota
	// Groups are the operators of mailboxes whose pace is kept; nil means
	// DefaultGroups.
	Groups []Group
	// Breaker says when an issue is paused because it does harm.
	Breaker Breaker
	// Catcher takes everything while the installation is disarmed, except when
	// every relay is on loopback. Without one, nothing is sent then.
	Catcher *smtp.Relay
	// Catch has the Catcher take everything: the installation is as disarmed here,
	// whatever it is armed for.
	Catch bool
	// Transports are further ways beside the Relays.
	Transports []Transport
	// Owner names this process in the ledger, unlike any other before or
	// beside it; empty means one is made up.
	Owner string
	// Host and SenderDomain are what arming is bound to; Host empty means the
	// machine's name.
	Host, SenderDomain string

	// Editions reads a sealed edition. Its result is cached.
	Editions func(ctx context.Context, id int64) (Edition, error)
	// Recipients says who of the subscribers ids may be written to, and with
	// what, now; whom it does not mention is withheld. It runs in the claim's
	// transaction and must use tx alone.
	Recipients func(ctx context.Context, tx *sql.Tx, issue int64, ids []int64) ([]Recipient, []Withheld, error)
	// RevokedSince lists the subscribers who left, paused or were suppressed
	// since t. It is asked twice a second while mail is being sent.
	RevokedSince func(ctx context.Context, t time.Time) ([]int64, error)
	// Suppress ends writing to a subscriber; reason is hard or complaint. It runs
	// in the transaction that records why.
	Suppress func(ctx context.Context, tx *sql.Tx, subscriber int64, reason, note string, delivery int64) error
	// Alarm announces what needs a person; an empty detail says that it is over.
	Alarm func(ctx context.Context, kind, subject, detail string)
	// DKIM are the signers of mails by the domain of their sender, in lower-case
	// A-labels; a domain signs for those below it as well. Their signatures stand
	// in the order given. Mail of other senders goes unsigned.
	DKIM map[string][]*dkim.Signer
	// ReturnPath gives the envelope sender of a delivery or of a letter; the other
	// is 0. Nil means the edition's and the letter's own.
	ReturnPath func(delivery, letter int64) string
	// ReadTrace reads an address of ReturnPath, or another signed address or link
	// of ours, that stands in a text; nil knows none. It is given others' bytes.
	ReadTrace func(text string) (Trace, bool)
	// ReaderAt finds a subscriber by address, within tx; 0 when there is none.
	ReaderAt func(ctx context.Context, tx *sql.Tx, address string) (int64, error)
	// Leave unsubscribes, within tx: from list, or when that is 0 from the list
	// of the issue, or when that is 0 too from all.
	Leave func(ctx context.Context, tx *sql.Tx, subscriber, list, issue int64) error
	// SoftBounces in a row, over SoftPeriod at least, suppress an address; 0 means
	// DefaultSoftBounces and DefaultSoftPeriod.
	SoftBounces int
	SoftPeriod  time.Duration
	// Secret keys the part of Message-IDs that nobody can guess.
	Secret string

	Log *slog.Logger // nil means slog.Default

	// Lease is how long a process may be silent before another takes its
	// deliveries over, by the heartbeats that other writes meanwhile; 0 means 60 s.
	Lease time.Duration
	// Heartbeat is how often a process says that it lives; 0 means 10 s.
	Heartbeat time.Duration
	// Drain is how long Run goes on after its context ended, for replies to
	// what is in flight; 0 means 25 s.
	Drain time.Duration
	// Slow is how long the median answer of a relay takes, over ten minutes, before
	// that is announced; 0 means a minute.
	Slow time.Duration
	// Probe is how often a relay that is down is tried at least; 0 means 30 s.
	Probe time.Duration
}

// Recipient is a reader who gets the mail.
type Recipient struct {
	ID      int64
	Address string
	Slots   map[string]string // values of the edition's slots: name, unsubscribe, preferences …
}

// Withheld is a reader who does not, and why in words.
type Withheld struct {
	ID     int64
	Reason string
}

// Edition is what the mailer needs to know of one.
type Edition struct {
	Message         []byte // sealed, as message.Compose made it
	Hash            string // its seal
	EnvelopeFrom    string // address that bounces go to
	MessageIDDomain string // right side of the Message-IDs
}

func (m *Mailer) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

func (m *Mailer) heartbeat() time.Duration { return cmp.Or(m.Heartbeat, 10*time.Second) }

func (m *Mailer) nowMillis() int64 { return schema.Millis(m.now()) }

func (m *Mailer) log() *slog.Logger {
	if m.Log != nil {
		return m.Log
	}
	return slog.Default()
}

func (m *Mailer) alarm(ctx context.Context, kind, subject, detail string) {
	if m.Alarm != nil {
		m.Alarm(ctx, kind, subject, detail)
	}
}

func (m *Mailer) host() string {
	if m.Host != "" {
		return m.Host
	}
	h, _ := os.Hostname()
	return h
}

// transports are the real ways out, the Catcher not among them.
func (m *Mailer) transports() []Transport {
	var all []Transport
	for _, r := range m.Relays {
		all = append(all, SMTP(r))
	}
	return append(all, m.Transports...)
}

// newOwner names a process.
func newOwner() string {
	b := make([]byte, 6)
	rand.Read(b)
	host, _ := os.Hostname()
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), hex.EncodeToString(b))
}

// machine names the machine, its boot and its process namespace, as far as the
// system tells: within it a process id that is gone belongs to a dead process.
// It is empty where that cannot be told.
func machine() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	host, _ := os.Hostname()
	return strings.Join([]string{host, strings.TrimSpace(string(boot)), space}, " ")
}
