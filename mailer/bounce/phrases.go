package bounce

// rule gives a reason to texts that contain one of the phrases, in lower case.
type rule struct {
	reason  string
	phrases []string
}

// phrases in order: what is more exact stands first. They are words of answers,
// not marks of single systems.
var phrases = []rule{
	{"mailboxfull", []string{
		"user_over_quota", "over the allowed quota", "allowed quota", "exceeded the local limit", "has insufficient disk space", "mailbox database is full", "mail database is over", "out of quota", "message count limit", "recipient's mailbox is full", "recipient over", "mailbox storage",
		"mailbox full", "mailbox is full", "mailfolder is full", "inbox is full", "mail box is full", "mailbox * is full", "mailbox size limit",
		"over quota", "overquota", "over the quota", "over his quota", "quota exceeded", "exceeded * quota", "exceeds * quota", "exceed * quota", "quota full",
		"disk quota", "out of storage", "storage quota", "not enough storage space", "not enough space", "insufficient * space in", "insufficient disk space",
		"mailbox has exceeded", "exceeded storage", "storage allocation", "exceeded its mailbox space", "account is full", "user is full",
		"maildir delivery failed: userdisk", "maildir has overdrawn", "delivery failed: over quota", "too many messages in", "mailbox exceeds",
		"mailbox * exceed", "user has exhausted", "user has too many messages", "exceeded maximum storage", "the user's space has been used up", "no space left on user",
		"reached quota", "is at quota", "message store full", "local_quota",
	}},
	{"exceedlimit", []string{
		"recipsizelimit", "sendersizelimit",
		"message length exceeds administrative limit", "message too large for this", "exceeds per-message limit", "recipient's size limit", "recipient size limit",
	}},
	{"mesgtoobig", []string{
		"message is larger than", "rejected due to size", "maximum fixed size", "message size limit",
		"message size exceeds", "message too big", "message too large", "message is too large", "message is too big", "mail size limit", "message exceeds",
		"exceeded maximum inbound message size", "size limit exceeded", "line limit exceeded", "exceeds the maximum message size",
	}},
	{"suspend", []string{
		"storedrv.deliver; mailbox disabled", "address no longer accepts mail", "administratively disabled", "administrativley disabled", "mailbox is not active", "not active", "account has been closed", "has been terminated", "user account is disabled", "recipient inactive", "user inactive",
		"account is disabled", "account disabled", "account has been disabled", "account is inactive", "account inactive", "account has been inactive", "is inactive",
		"you tried to reach is disabled", "account is locked", "account locked", "account has been locked", "account has been suspended", "account suspended", "account is suspended",
		"mailbox suspended", "mailbox is suspended", "mailbox disabled", "mailbox is disabled", "mailbox is inactive", "mailbox is frozen", "mailbox temporarily disabled", "mailbox currently suspended",
		"mailbox unavailable or access denied", "disabled or discontinued", "account that you tried to reach is", "recipient suspend", "recipient account is blocked",
		"user is inactive", "user suspended", "user is suspended", "user disabled", "user's account has been", "account closed", "not an active address", "inactive user", "inactive account", "inactive mailbox",
		"recipient is disabled", "disabled recipient", "is a deactivated mailbox", "this account * deactivated", "account expired", "account has expired", "domain is suspended", "mailbox for * has been disabled",
	}},
	{"hasmoved", []string{
		"recipient no longer on server", "has moved to", "user has moved", "has been replaced by", "address has changed", "address changed to", "please try <", "no longer at this address * new", "user not local; please try",
	}},
	{"norelaying", []string{
		"relay access denied", "relaying denied", "relay denied", "relaying not", "relay not permitted", "not permitted to relay", "unable to relay", "insecure mail relay", "relaying mail to",
		"relay operation rejected", "we do not relay", "not allowed to relay", "no relaying", "mail relaying", "is not a local domain", "not local host", "relay prohibited", "relay is prohibited",
		"sender or recipient domain must be", "through this server without authenticating", "not in my rcpthosts", "that domain isn't in my list of allowed rcpthosts", "isn't in my list of allowed",
	}},
	{"authfailure", []string{
		"unauthenticated",
		"dmarc", "dkim", "authentication checks", "does not pass authentication", "spf check", "spf fail", "spf: fail", "spf validation", "spf record", "sender policy framework", "not pass * authentication", "fails * authentication",
		"unauthenticated email", "not authenticated", "//spf.", "openspf.org", "spf (sender", "spf authentication", "sender id (pra)", "message authentication fail",
	}},
	{"requireptr", []string{
		"reverse dns", "reverse-dns", "reverse hostname", "rdns", "ptr record", "no ptr", "missing ptr", "ptr lookup", "cannot find your hostname", "cannot find your reverse", "unverifyable sending ip", "all relaying * dns",
		"ip name lookup failed", "client host rejected: cannot find", "hostname verification failed", "cannot resolve your address", "your ip address * no host", "host name for your ip", "forward confirmed", "unresolvable",
	}},
	{"badreputation", []string{"reputation", "senderscore", "sender score"}},
	{"toomanyconn", []string{
		"too many connection", "too many concurrent", "too many simultaneous", "simultaneous connection", "connection rate limit", "connections from your host", "concurrent connection", "frequency limited", "ip frequency", "max number of connections", "exceeded the connection",
		"connection limit", "too many smtp sessions", "sessions per", "too many recipients",
	}},
	{"speeding", []string{
		"too many mails sent", "sent to too many recipients this hour", "receiving mail at a rate", "too fast", "rate limited", "rate limit", "rate-limit", "mail rate", "sending rate", "throttl", "please slow", "slow down", "messages per", "per hour", "receiving messages at a rate",
		"try again later, too many", "message submission rate", "too much mail", "sending too many messages", "too many messages",
	}},
	{"virusdetected", []string{"virus", "malware", "infected", "dangerous attachment"}},
	{"failedstarttls", []string{"starttls", "tls required", "tls is required", "encryption required", "tls handshake", "tls negotiation", "must issue a starttls"}},
	{"notcompliantrfc", []string{
		"rfc 5322 compliant", "rfc5322", "rfc 2822", "rfc 5322", "not rfc compliant", "non-rfc", "duplicate header", "multiple from", "no valid from", "header is missing", "missing from header", "invalid message header", "missing message-id", "bare lf", "bare newline", "line too long", "lines too long",
	}},
	{"blocked", []string{
		"refused to talk to me", "banned send", "whitelist", "traffic not accepted", "bad reputation", "ip is in", "poor reputation", "connections will not be accepted", "service unavailable; client", "helo requires", "fully-qualified hostname", "client not allowed", "dnsrbl", "block-list",
		"blocked using", "black list", "blacklist", "block list", "blocklist", "denylist", "dnsbl", "rbl", "spamhaus", "spamcop", "sorbs", "barracudacentral", "listed at", "listed on", "banned sending ip", "banned ip", "blocked ip", "ip blocked", "ip address is blocked", "ip has been blocked", "ip is blocked", "ip address has been",
		"client host", "your ip", "from your ip", "invalid ip for", "host blocked", "host is blocked", "has been blocked", "is blocked by", "blocked by", "blocked for", "client rejected", "your network is", "your server is", "server access * forbidden", "from your server", "access from ip", "connection dropped by", "connection rejected", "connection denied", "connections not accepted",
		"open relay", "invalid helo", "helo command rejected", "ehlo command rejected", "invalid domain name", "invalid ehlo", "bad helo", "helo name", "my name was rejected", "access denied...", "messages from * weren't sent", "not accepting connections from", "no access from mail server", "temporarily blocked", "unusual rate of", "suspicious activity", "dynamic ip", "dialup", "residential", "you are not allowed to connect",
		"email blocked", "mail blocked", "sender ip", "ip address * rejected", "ip address * refused", "is not allowed to connect", "are not allowed to send", "not permitted to send mail", "mail server at * refused", "cannot send e-mail to yourself",
	}},
	{"spamdetected", []string{
		"spam", "ube", "uce", "unsolicited", "bulk mail", "bulk email", "message content rejected", "mail rejete", "message looks like", "message was identified as", "phishing", "high score", "bayes", "rejected by content", "content filter", "rejected due to content", "ofr_506",
	}},
	{"rejected", []string{
		"sender was rejected", "banned sender", "from address", "from this sender", "from header", "sender policy", "sender not in allowed",
		"sender address rejected", "sender rejected", "sender verify failed", "sender verification", "sender not", "sender denied", "sender domain", "sender address", "unroutable sender", "unrouteable sender", "domain of sender", "domain is invalid", "valid from", "bad sender", "invalid sender", "address of sender", "recipient addresses rejected : access denied", "originator", "not a member", "not member", "not allowed to post", "can't post", "permission to post", "group may not exist", "envelope blocked",
		"backscatter", "invalid domain, see", "message from * refused", "emetteur invalide", "unexpected volume", "user complaints", "mail from your domain", "groups.google.com", "your email address has been", "no such sender",
	}},
	{"filtered", []string{
		"message filtered", "suppressed sending to this address", "suppression list", "allowed-senders",
		"recipient preferences", "refused due to recipient", "user reject", "user refuse", "not accepting mail from", "because the recipient is only accepting", "only accepting mail", "due to extended inbound filtering", "refused by recipient", "user does not wish", "user's filter", "mail from this address", "recipient refused", "recipient has blocked", "you have been blocked by the recipient", "recipient is not accepting",
	}},
	{"notaccept", []string{"indicated no smtp service", "no host found for existing", "accepts no mail", "nolonger accepts mail for", "null mx", "nullmx", "does not accept mail", "doesn't accept mail", "does not accept email", "doesn't receive email", "doesn't receive mail", "does not receive mail", "not accepting network messages", "domain does not receive", "no mx found", "host/domain does not accept", "does not accept any mail", "mail receiving disabled", "no smtp service here", "this domain is not accepting", "invalid mx"}},
	{"expired", []string{"message expired, connection"}},
	{"networkerror", []string{
		"cname lookup failed", "host name lookup failure", "resolver.fwd.loop", "unable to look up host", "couldn't find any host by that name temporarily",
		"dns error", "dns query failed", "try again host", "host not found, try again", "host not found, try later", "temporary dns", "dns lookup * temporar", "dns failure", "dns server", "mail loop", "loops back", "loop detected", "mail forwarding loop", "too many hops", "hop count", "routing loop", "maximum hop", "mx loops", "loop:", "looping", "excessive hops", "network error", "no route to host", "network is unreachable", "network unreachable", "temporary lookup failure", "malformed or unexpected name server reply", "lookup timed out", "no mx record", "server failure", "nameserver", "refused to accept your message (data", "command out of sequence",
	}},
	{"hostunknown", []string{
		"dns domain * does not exist", "remote domain doesn't exist", "remote domain doesnt exist", "remote domain does not exist", "illegal host/domain", "host address lookups failed", "couldn't find a mail exchanger", "no valid hosts",
		"host unknown", "unknown host", "host not found", "no such host", "hostname not found", "host * not found", "domain not found", "no such domain", "unknown domain", "domain unknown", "domain does not exist", "domain doesn't exist", "domain not exist", "unrouteable address", "unroutable address", "unrouteable mail domain", "unroutable mail domain", "name or service not known", "bad destination host", "cannot find any host", "couldn't find any host", "non-existent domain", "non-existent host", "nonexistent domain", "nxdomain", "all relevant mx records point to non-existent", "domain name not found", "no host found", "recipient domain must exist", "domain must resolve", "invalid domain", "unresolvable domain", "illegal host", "no mail hosts", "domain is not reachable", "has no dns", "hostnotfound",
	}},
}

// vague are read after the words for unknown users: they stand beside many
// things.
var vague = []rule{
	{"contenterror", []string{"improper use of 8-bit", "header contains", "8-bit", "charset", "message header size", "invalid content", "content rejected", "content not", "mime error", "attachment", "too many received", "executable"}},
	{"policyviolation", []string{
		"policy violation", "policy reason", "violates * policy", "violat", "against * policy", "due to policy", "for policy", "local policy", "by policy", "administrative prohibition", "administratively prohibited", "message was blocked", "prohibited", "message rejected", "denied by policy", "closed to outside", "not accepted for", "denied by administrator", "restricted", "message refused", "not wanted",
	}},
	{"securityerror", []string{
		"authrequired", "sendernotauthenticated", "notauthorized", "create permissions",
		"turn on smtp authentication", "authentication required", "authentication failed", "authentication turned on", "authenticate first", "must authenticate", "please authenticate", "not authorized", "not authorised", "unauthorized", "permission denied", "security", "access denied", "insufficient permission", "delivery not authorized", "auth failure", "cannot authenticate", "verification failure", "credentials",
	}},
	{"expired", []string{
		"envelope expired", "queue.expired", "long failure period", "been failing for a long time", "has been frozen", "delay reason", "failed * attempts", "error dialing remote", "unable to contact", "but connection died", "greeting failed", "no action is required on your part", "still undelivered", "will be retried", "closing transmission channel", "service not available", "not delivered in", "try again later",
		"timed out", "timeout exceeded", "retry timeout", "retry time", "in the queue too long", "queue too long", "connection refused", "connection timed", "connection reset", "connection closed", "connection time", "lost connection", "not reachable", "did not accept our requests", "could not be delivered for", "delivery time expired", "delivery expired", "message expired", "not been able to connect", "wasn't able to establish an smtp", "temporarily unavailable, please try", "host is unreachable", "host unreachable", "unable to connect", "could not connect", "cannot connect", "can't connect", "connection failed", "no response", "has been delayed", "greylist", "not been delivered", "cannot send message for", "server busy", "temporarily deferred", "maximum time", "conversation with", "delivery temporarily suspended", "too old",
	}},
	{"systemfull", []string{"no space left", "disk full", "mail system full", "insufficient system storage", "out of disk", "requested mail action aborted: exceeded", "not enough disk"}},
	{"systemerror", []string{
		"delivery to file forbidden", "delivery to pipe forbidden", "local delivery failed", "lmtp error", "command time limit", "cannot route mail to user", "unavailable to take delivery", "data format error", "out of memory",
		"internal system error", "system error", "system config error", "internal error", "local error", "local configuration", "configuration error", "server configuration", "can't create", "temporary error", "temporary failure", "unable to contact ldap", "ldap", "i/o error", "input/output", "server error", "internal server", "error in processing", "local problem", "resources temporarily", "timeout waiting for input", "out of memory", "queue file write", "operation not permitted", "transaction failed", "aliasing/forwarding loop", "system problem", "cannot open", "can't open",
	}},
	{"mailererror", []string{"command failed", "pipe to", "x-unix", "mailer error", "procmail", "deferred: local mailer", "child process", "error from mailbox", "service unavailable: local"}},
	{"syntaxerror", []string{"syntax error", "unrecognized command", "command unrecognized", "command not recognized", "bad sequence"}},
}

// unknownUser are the words by which servers say that an address does not exist.
var unknownUser = []string{
	"addressee unknown", "alias unknown", "email address could not be found", "not a local user", "user is not", "no user by that name", "mailbox not exist", "is no longer valid", "nonexistent user", "non-existent user", "isn't a valid", "user name is unknown", "several matches found in", "unable to deliver to this user", "rcpt unknown", "unverified address", "undeliverable: unknown",
	"user unknown", "unknown user", "user * unknown", "unknown or illegal", "user not exist", "user doesn't exist", "user does not exist", "user not found", "no such user", "no such mailbox", "no such recipient", "no such address", "no such person", "no such account", "no such email", "no such local",
	"unknown recipient", "recipient unknown", "unknown address", "address unknown", "unknown mailbox", "mailbox unknown", "unknown account", "account unknown", "unknown local", "unknown rcpt", "unknown email",
	"mailbox not found", "mailbox unavailable", "mailbox does not exist", "mailbox doesn't exist", "mailbox not available", "mailbox * does not exist", "mailbox invalid", "no mailbox", "not a valid mailbox", "invalid mailbox", "mailbox name not allowed", "mailbox has been removed",
	"recipient not found", "recipient * not found", "recipient does not exist", "recipient doesn't exist", "recipnotfound", "recipientnotfound", "invalid recipient", "recipient invalid", "not a valid recipient", "bad recipient", "no valid recipient", "recipient not exist", "recipient name is not recognized", "unable to find recipient", "destinataire invalide",
	"address does not exist", "address doesn't exist", "address not found", "bad address", "invalid address", "address invalid", "address error", "bad destination mailbox", "not a known user", "not known here", "not our customer", "not listed in", "not in * directory", "not found in directory",
	"does not exist", "doesn't exist", "no longer exists", "doesn't have a * account", "does not have a * account", "no account by that name", "account not found", "account does not exist", "account that you tried to reach does not exist", "account * not available", "there is no user", "there is no one", "has no mailbox", "invalid user", "user invalid", "is not a valid", "not a valid user", "no user", "user is unknown", "undeliverable address", "who are you looking for", "unrecognized recipient", "ディレクトリのリストにありません", "見つから", "nosuchuser",
}

// directory are phrases that only a look-up in the server's own list produces.
var directory = []string{
	"recipient address rejected: access denied", "exrecipnotfound", "several matches found in domino", "not listed in domino", "email address could not be found",
	"recipient name is not recognized", "address couldn't be found", "address not found", "not listed in public", "recipnotfound", "recipientnotfound", "recipient not found", "in local recipient table", "in virtual mailbox table", "in virtual alias table", "no valid recipients for this", "not in * directory",
}

// account are words by which a server speaks of its own accounts. They count
// with a reply code beside them.
var account = []string{"doesn't have a * account", "does not have a * account", "no account by that name", "invalid recipient", "destinataire invalide", "not our customer", "nosuchuser", "account that you tried to reach does not exist"}

// refused are words that a refusal at RCPT uses for an unknown address, and
// elsewhere for much else.
var refused = []string{"recipient address rejected", "recipient rejected", "recipient is not", "recipient * rejected", "address rejected", "user rejected", "delivery to this address", "all recipient addresses rejected"}
