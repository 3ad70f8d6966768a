package subscribers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// base32 of lower-case letters: what carries mail may change the case of a local
// part.
var inAddress = base32.StdEncoding.WithPadding(base32.NoPadding)

// maxAddressToken is what fits a local part (RFC 5321 section 4.5.3.1.1). Tokens
// of ids below 2^28 take at most 40 octets, which leaves 24 to the mailbox's name.
const maxAddressToken = 63

// AddressToken signs what a mail address of ours says, as "<key id>-<base32 of
// payload and MAC>": lower-case letters, digits and a hyphen. It holds for ever.
func (k *Keys) AddressToken(c Claim) string {
	signer := k.signer()
	b := c.payload()
	b = append(b, signer.mac("address", b)...)
	return signer.id + "-" + strings.ToLower(inAddress.EncodeToString(b))
}

// VerifyAddress reads a token of AddressToken, whatever its case, or fails as Verify does.
func (k *Keys) VerifyAddress(token string) (Claim, error) {
	id, encoded, ok := strings.Cut(strings.ToLower(token), "-")
	if !ok || len(token) > maxAddressToken {
		return Claim{}, ErrToken
	}
	b, err := inAddress.DecodeString(strings.ToUpper(encoded))
	if err != nil || !strings.EqualFold(inAddress.EncodeToString(b), encoded) {
		return Claim{}, ErrToken
	}
	return k.open("address", id, b)
}

// Derive makes a secret for a purpose of another room, always the same one as
// long as the first key of the file stands there.
func (k *Keys) Derive(purpose string) string {
	m := hmac.New(sha256.New, k.all()[0].secret)
	m.Write([]byte("pressrun derived 1\n" + purpose))
	return hex.EncodeToString(m.Sum(nil))
}
