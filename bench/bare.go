package bench

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// blockSize is the one size of production, in bytes.
const blockSize = 131072

// bareWrite hashes and writes blocks of random bytes to a new file, on all
// cores, with a sync after every syncEvery blocks and at the end. It is what
// no store can beat by much.
func bareWrite(path string, blocks, syncEvery int, noise []byte) (time.Duration, error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	begin := time.Now()
	err = onAllCores(blocks, func(i int, _ []byte) error {
		at := (i * blockSize) % (len(noise) - blockSize + 1)
		block := noise[at : at+blockSize]
		sum := sha256.Sum256(block)
		runtime.KeepAlive(sum)
		if _, err := file.WriteAt(block, int64(i)*blockSize); err != nil {
			return err
		}
		if (i+1)%syncEvery == 0 {
			return file.Sync()
		}
		return nil
	})
	if err == nil {
		err = file.Sync()
	}
	return time.Since(begin), err
}

// bareRead reads and hashes the first blocks of a file, on all cores.
func bareRead(path string, blocks int) (time.Duration, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	begin := time.Now()
	err = onAllCores(blocks, func(i int, buf []byte) error {
		if _, err := file.ReadAt(buf, int64(i)*blockSize); err != nil {
			return err
		}
		sum := sha256.Sum256(buf)
		runtime.KeepAlive(sum)
		return nil
	})
	return time.Since(begin), err
}

// onAllCores calls f for 0..n-1 from one goroutine per core, each with a
// block of its own.
func onAllCores(n int, f func(i int, buf []byte) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	failures := make([]error, runtime.GOMAXPROCS(0))
	for core := range failures {
		wg.Go(func() {
			buf := make([]byte, blockSize)
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i, buf); err != nil {
					failures[core] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(failures...)
}

// writeNoise makes a file of random bytes.
func writeNoise(path string, size int64, noise io.Reader) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(file, noise, size)
	return errors.Join(err, file.Sync(), file.Close())
}
