package seal

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestASignatureIsOfOneTextInOneContext(t *testing.T) {
	t.Parallel()
	key, other := mustKey(t, strings.Repeat("k", 32)), mustKey(t, strings.Repeat("o", 32))
	rapid.Check(t, func(r *rapid.T) {
		text, context := rapid.SliceOf(rapid.Byte()).Draw(r, "text"), rapid.SliceOf(rapid.Byte()).Draw(r, "context")
		signature := key.Sign(text, context)
		if len(signature) != SignatureSize || !key.Verify(text, signature, context) {
			r.Fatal("our own signature is not ours")
		}
		if other.Verify(text, signature, context) {
			r.Fatal("another key takes it for its own")
		}
		moved := append(append([]byte{}, context...), text...) // the same bytes, cut elsewhere
		if at := rapid.IntRange(0, len(moved)).Draw(r, "at"); at != len(context) && key.Verify(moved[at:], signature, moved[:at]) {
			r.Fatal("a part of the context passes for the text")
		}
		signature[rapid.IntRange(0, SignatureSize-1).Draw(r, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
		if key.Verify(text, signature, context) {
			r.Fatal("a changed bit is not noticed")
		}
	})
	shop := uuid.New()
	signature := key.Sign([]byte("x"), Context(shop, DesktopTicket))
	if key.Verify([]byte("x"), signature, Context(shop, DesktopCookie)) || key.Verify([]byte("x"), signature, Context(uuid.New(), DesktopTicket)) ||
		key.Verify([]byte("x"), nil, Context(shop, DesktopTicket)) {
		t.Error("a signature counts for another purpose, another shop, or without being there")
	}
}
