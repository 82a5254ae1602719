// WHIP and WHEP requests for tests, written from the RFC and not from our pages' clients.

export interface OpenResult {
  readonly status: number;
  readonly answer: string;
  readonly location: string;
  readonly etag: string;
  /** `Fanlight-Resume`. */
  readonly resume: string;
  readonly code: string | undefined;
}

export interface OpenOptions {
  readonly key?: string;
  readonly resume?: string;
}

/** POSTs an offer to an endpoint. Never rejects for a status. */
export async function postOffer(endpoint: string, sdp: string, { key, resume }: OpenOptions = {}): Promise<OpenResult> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/sdp',
      ...(key ? { Authorization: `Bearer ${key}` } : {}),
      ...(resume ? { 'Fanlight-Resume': resume } : {}),
    },
    body: sdp,
  });
  const body = await response.text();
  const location = response.headers.get('location');
  return {
    status: response.status,
    answer: response.status === 201 ? body : '',
    location: location ? new URL(location, endpoint).href : '',
    etag: response.headers.get('etag') ?? '',
    resume: response.headers.get('fanlight-resume') ?? '',
    code: response.ok ? undefined : (JSON.parse(body) as { code: string }).code,
  };
}
