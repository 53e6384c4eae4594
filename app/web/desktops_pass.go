package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/seal"
)

// How long somebody may take from the launch link to the desktop, and how long
// they may then use it before they launch it again.
const (
	ticketFor = 60 * time.Second
	cookieFor = 12 * time.Hour
)

// pass says whose eyes may see which run of which desktop, and until when. As a
// ticket it stands in a launch link, as a cookie it lets the desktop's page in. It
// is signed for the one purpose and the one shop, and holds no secret.
type pass struct {
	workspace uuid.UUID
	user      uuid.UUID
	run       uint32
	epoch     uint32   // the person's sign-in generation
	signIn    [32]byte // the sign-in it came from, as the session store knows it
	until     int64    // seconds since 1970, wall time
	number    [16]byte // no two are the same
}

// The bytes of a pass, before its signature.
const (
	passVersion = 1
	passSize    = 1 + 16 + 16 + 4 + 4 + 32 + 8 + 16
)

var passText = base64.RawURLEncoding.Strict()

// newPass makes a pass out of the person's sign-in, as yet without an end.
func newPass(workspace, user uuid.UUID, run, epoch int, token string) (p pass, ok bool) {
	if run < 0 || run > math.MaxInt32 || epoch < 0 || epoch > math.MaxInt32 || token == "" {
		return pass{}, false
	}
	return pass{workspace: workspace, user: user, run: uint32(run), epoch: uint32(epoch), signIn: sha256.Sum256([]byte(token))}, true
}

// lasting is the same pass with an end, and a number of its own.
func (p pass) lasting(until time.Time) pass {
	p.until = until.Unix()
	rand.Read(p.number[:]) // never fails: the runtime ends the program first
	return p
}

// session is the key of its sign-in in the session store.
func (p pass) session() string { return base64.RawURLEncoding.EncodeToString(p.signIn[:]) }

func (p pass) over(now time.Time) bool { return now.Unix() >= p.until }

func (p pass) bytes() []byte {
	b := make([]byte, 0, passSize+seal.SignatureSize)
	b = append(b, passVersion)
	b = append(append(b, p.workspace[:]...), p.user[:]...)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, p.run), p.epoch)
	b = append(b, p.signIn[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.until))
	return append(b, p.number[:]...)
}

// signed writes a pass for one purpose in one shop.
func (p pass) signed(key *seal.Key, shop uuid.UUID, purpose string) string {
	b := p.bytes()
	return passText.EncodeToString(append(b, key.Sign(b, seal.Context(shop, purpose))...))
}

// readPass reads what signed wrote. It is false for everything else.
func readPass(key *seal.Key, shop uuid.UUID, purpose, text string) (p pass, ok bool) {
	if len(text) != passText.EncodedLen(passSize+seal.SignatureSize) {
		return pass{}, false
	}
	b, err := passText.DecodeString(text)
	if err != nil || len(b) != passSize+seal.SignatureSize || !key.Verify(b[:passSize], b[passSize:], seal.Context(shop, purpose)) || b[0] != passVersion {
		return pass{}, false
	}
	b = b[1:passSize]
	copy(p.workspace[:], b)
	copy(p.user[:], b[16:])
	p.run, p.epoch = binary.BigEndian.Uint32(b[32:]), binary.BigEndian.Uint32(b[36:])
	copy(p.signIn[:], b[40:])
	p.until = int64(binary.BigEndian.Uint64(b[72:]))
	copy(p.number[:], b[80:])
	return p, true
}

// spent remembers the tickets that were used, until they would be too old anyway.
// It is this process's memory: where several serve one installation, a ticket
// counts once with each of them, so a stolen one could be used a second time
// within its minute, at another process than the first. A restart forgets them
// with the same effect.
type spent struct {
	mu      sync.Mutex
	tickets map[[16]byte]int64 // number → until
}

// once is true for the first use of a ticket.
func (s *spent) once(p pass, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for number, until := range s.tickets { // few: those of the last minute
		if until <= now.Unix() {
			delete(s.tickets, number)
		}
	}
	if _, used := s.tickets[p.number]; used {
		return false
	}
	s.tickets[p.number] = p.until
	return true
}
