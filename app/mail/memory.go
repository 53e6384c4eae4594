package mail

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Memory keeps letters for a test to look at.
type Memory struct {
	mu     sync.Mutex
	sent   []Message
	refuse func(Message) error
}

// Send keeps the letter, after the same checks that every sender makes.
func (s *Memory) Send(_ context.Context, m Message) error {
	if _, err := compose(m, time.Unix(0, 0)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		if err := s.refuse(m); err != nil {
			return err
		}
	}
	s.sent = append(s.sent, m)
	return nil
}

// Sent gives the letters so far, the oldest first.
func (s *Memory) Sent() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// To gives the letters to one address, the oldest first.
func (s *Memory) To(address string) []Message {
	return slices.DeleteFunc(s.Sent(), func(m Message) bool { return m.To != address })
}

// Refuse makes Send fail with what fn returns, when that is not nil.
func (s *Memory) Refuse(fn func(Message) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = fn
}
