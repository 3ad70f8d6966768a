package message

// Message returns one reader's copy as a file has it: what Splice sends,
// without the dot-stuffing and the final dot (RFC 5321 section 4.5.2).
func (t *Template) Message(v Values) ([]byte, error) { return t.splice(nil, t.static, v) }

// AppendMessage is Message into dst; it allocates only when dst is too small.
func (t *Template) AppendMessage(dst []byte, v Values) ([]byte, error) {
	return t.splice(dst, t.static, v)
}
