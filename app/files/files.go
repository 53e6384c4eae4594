// Package files keeps what people upload: in a folder of the data directory, or
// in a bucket by its address, so that any node serves what another one took in.
// Every key begins with the shop it belongs to.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob" // mem:// for tests
	_ "gocloud.dev/blob/s3blob"  // s3:// for installations of several nodes
	"gocloud.dev/gcerrors"

	"github.com/ezscale/ezscale/app/fail"
)

// Store keeps files. It may be used by many at a time.
type Store struct{ bucket *blob.Bucket }

// MaxBytes is the largest file that is kept.
const MaxBytes = 64 << 20

// Open opens the place that address names: file:///folder, s3://bucket?region=…
// or mem://. Without an address it is the folder files of dataDir, which is made.
// Errors never repeat the address: it may hold a key.
func Open(ctx context.Context, address, dataDir string) (*Store, error) {
	folder, isFile := strings.CutPrefix(address, "file://")
	if address == "" {
		folder, isFile = filepath.Join(dataDir, "files"), true
	}
	if isFile {
		folder, _, _ = strings.Cut(folder, "?")
		return openFolder(folder)
	}
	bucket, err := blob.OpenBucket(ctx, address)
	if err != nil {
		return nil, errors.New("EZSCALE_BLOB_URL cannot be opened: write file:///folder or s3://bucket?region=eu-central-1")
	}
	return &Store{bucket}, nil
}

func openFolder(folder string) (*Store, error) {
	if !filepath.IsAbs(folder) {
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, fmt.Errorf("find the folder for files: %w", err)
		}
		folder = absolute
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for files: %w", err)
	}
	bucket, err := fileblob.OpenBucket(folder, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fmt.Errorf("open the folder for files: %w", err)
	}
	return &Store{bucket}, nil
}

// Close lets go of the place.
func (s *Store) Close() error { return s.bucket.Close() }

var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}(/[a-z0-9][a-z0-9._-]{0,99}){0,3}$`)

// keyOf is where a shop's file lies. A name is at most four plain words between
// slashes, so that none leads out of the shop's own folder.
func keyOf(tenant uuid.UUID, name string) (string, error) {
	if tenant == uuid.Nil || !nameRule.MatchString(name) || path.Clean(name) != name || strings.Contains(name, "..") {
		return "", fail.Missing("file")
	}
	return tenant.String() + "/" + name, nil
}

// Put keeps data under a name of the shop, in the place of what was there. kind is
// its media type. Errors: NotFound for a name that is none, TooLarge.
func (s *Store) Put(ctx context.Context, tenant uuid.UUID, name, kind string, data []byte) error {
	key, err := keyOf(tenant, name)
	if err != nil {
		return err
	}
	if len(data) > MaxBytes {
		return fail.New(fail.TooLarge, "That is too large. The limit is %d MB.", MaxBytes>>20)
	}
	if err := s.bucket.WriteAll(ctx, key, data, &blob.WriterOptions{ContentType: kind}); err != nil {
		return fmt.Errorf("keep the file: %w", err)
	}
	return nil
}

// Get reads a file of the shop; fail.NotFound when it has none of that name.
func (s *Store) Get(ctx context.Context, tenant uuid.UUID, name string) ([]byte, error) {
	key, err := keyOf(tenant, name)
	if err != nil {
		return nil, err
	}
	data, err := s.bucket.ReadAll(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fail.Missing("file")
	}
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	return data, nil
}

// Delete removes a file of the shop; one that is not there is gone already.
func (s *Store) Delete(ctx context.Context, tenant uuid.UUID, name string) error {
	key, err := keyOf(tenant, name)
	if err != nil {
		return nil //nolint:nilerr // a name that cannot be kept names nothing
	}
	if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("remove the file: %w", err)
	}
	return nil
}

// List names a shop's files in the order of their names.
func (s *Store) List(ctx context.Context, tenant uuid.UUID) (names []string, err error) {
	prefix := tenant.String() + "/"
	for each := s.bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
		object, err := each.Next(ctx)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the files: %w", err)
		}
		names = append(names, strings.TrimPrefix(object.Key, prefix))
	}
}

// DeleteAll removes everything a shop has, when its data is removed.
func (s *Store) DeleteAll(ctx context.Context, tenant uuid.UUID) error {
	names, err := s.List(ctx, tenant)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.Delete(ctx, tenant, name); err != nil {
			return err
		}
	}
	return nil
}
