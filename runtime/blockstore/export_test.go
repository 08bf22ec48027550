package blockstore

// FormatFile is the content of a format file.
func FormatFile(version, blockSize uint32) []byte {
	h := fileHeader{magic: formatMagic, version: version, blockSize: blockSize}.encode()
	return append(h, h...)
}

// Waiting returns the number of requests that wait for a group commit.
func (e *Engine) Waiting() int {
	e.queue.mu.Lock()
	defer e.queue.mu.Unlock()
	return len(e.queue.waiting)
}
