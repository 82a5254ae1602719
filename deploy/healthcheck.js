// Asks the server in this container whether it is alive: exit code 0 or 1. The slim image has no curl.

const { PORT, HOST } = process.env;
const host = HOST?.includes(':') ? `[${HOST}]` : HOST || '127.0.0.1';

try {
  const response = await fetch(`http://${host}:${PORT || 8088}/healthz`, { signal: AbortSignal.timeout(2500) });
  process.exitCode = response.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
