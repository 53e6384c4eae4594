package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// SignatureSize is the length of a signature, in bytes.
const SignatureSize = sha256.Size

// Sign gives the signature (HMAC-SHA256, RFC 2104) of a text that goes out and
// comes back, such as a launch link. The text stays readable; only we can have
// written it. The same context, as for Seal, must be given to Verify.
func (k *Key) Sign(text, context []byte) []byte {
	mac := hmac.New(sha256.New, k.sign)
	// The length keeps the end of the one from passing for the beginning of the other.
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(context))))
	mac.Write(context)
	mac.Write(text)
	return mac.Sum(nil)
}

// Verify tells whether the signature is ours, for this text and this context.
func (k *Key) Verify(text, signature, context []byte) bool {
	return hmac.Equal(signature, k.Sign(text, context))
}
