// For tests: pages of which one flashes and beeps at the same moments, and one measures when each arrives. They speak
// WHIP and WHEP by themselves. It must not know what is expected of the figures.

import type { Page } from 'playwright-core';

/** Of beats, in s. */
const PERIOD = 0.5;

/** What browsers have and the types do not: https://www.w3.org/TR/mediacapture-transform/ */
interface SamplesOf {
  readonly MediaStreamTrackProcessor: new (init: {
    track: MediaStreamTrack;
    maxBufferSize: number;
  }) => { readonly readable: ReadableStream<AudioData> };
}

/** White for 100 ms and a beep as long, twice a second, both by the audio clock. */
export function publishBeats(page: Page, broadcast: string): Promise<void> {
  return page.evaluate(
    async ([name, period]) => {
      const canvas = document.createElement('canvas');
      canvas.width = 160;
      canvas.height = 90;
      const picture = canvas.getContext('2d');
      if (!picture) throw new Error('no canvas');
      const audio = new AudioContext({ sampleRate: 48_000 });
      await audio.resume();
      const loudspeaker = audio.createMediaStreamDestination();
      const volume = audio.createGain();
      volume.gain.value = 0;
      const tone = audio.createOscillator();
      tone.frequency.value = 1000;
      tone.connect(volume).connect(loudspeaker);
      tone.start();
      let beatAt = Math.ceil(audio.currentTime) + 1;
      let scheduledAt = 0;
      let turns = 0;
      let wasWhite = false;
      setInterval(() => {
        if (scheduledAt !== beatAt && beatAt - audio.currentTime < 0.2) {
          volume.gain.setValueAtTime(0.5, beatAt);
          volume.gain.setValueAtTime(0, beatAt + 0.1);
          scheduledAt = beatAt;
        }
        const sinceBeat = audio.currentTime - beatAt;
        const isWhite = sinceBeat >= 0 && sinceBeat < 0.1;
        if (sinceBeat >= 0.1) beatAt += period;
        // Changes are drawn at once; else 20 pictures a second are enough and cost a busy machine little.
        if (isWhite === wasWhite && turns++ % 10 !== 0) return;
        wasWhite = isWhite;
        picture.fillStyle = isWhite ? '#fff' : '#000';
        picture.fillRect(0, 0, canvas.width, canvas.height);
        // Each picture differs, so that each is sent.
        picture.fillStyle = '#888';
        picture.fillRect(0, turns % 20, 4, 4);
      }, 5);
      const media = new MediaStream([...canvas.captureStream(60).getTracks(), ...loudspeaker.stream.getTracks()]);
      const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      for (const track of media.getTracks())
        connection.addTransceiver(track, { direction: 'sendonly', streams: [media] });
      await connection.setLocalDescription();
      const response = await fetch(`/whip/${name}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: connection.localDescription?.sdp ?? '',
      });
      await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      Object.assign(globalThis, { kept: [connection, audio] });
    },
    [broadcast, PERIOD] as const,
  );
}

/**
 * Plays the broadcast, and notes flashes by requestVideoFrameCallback, and beeps by the times at which the engine hands
 * its samples to the output. What the device adds is the engine's to reckon with, and here it is none; an AudioContext
 * would measure its own buffers as well, of 45 ms, through which nobody hears the video element.
 */
export function watchBeats(page: Page, broadcast: string): Promise<void> {
  return page.evaluate(async (name) => {
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    const media = new MediaStream(
      ['audio', 'video'].map((kind) => connection.addTransceiver(kind, { direction: 'recvonly' }).receiver.track),
    );
    await connection.setLocalDescription();
    const response = await fetch(`/whep/${name}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: connection.localDescription?.sdp ?? '',
    });
    await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    const video = document.createElement('video');
    video.srcObject = media;
    document.body.replaceChildren(video);
    await video.play();

    const flashesMs: number[] = [];
    const beepsMs: number[] = [];
    const look = new OffscreenCanvas(8, 8).getContext('2d', { willReadFrequently: true });
    let wasBright = false;
    const onFrame = (_nowMs: number, frame: VideoFrameCallbackMetadata): void => {
      video.requestVideoFrameCallback(onFrame);
      look?.drawImage(video, 0, 0, 8, 8);
      const isBright = (look?.getImageData(4, 4, 1, 1).data[0] ?? 0) > 128;
      if (isBright && !wasBright) flashesMs.push(frame.expectedDisplayTime);
      wasBright = isBright;
    };
    video.requestVideoFrameCallback(onFrame);

    const [track] = media.getAudioTracks();
    if (!track) throw new Error('no sound');
    const { MediaStreamTrackProcessor } = globalThis as unknown as SamplesOf;
    const samples = new MediaStreamTrackProcessor({ track, maxBufferSize: 200 }).readable;
    const listen = async (): Promise<void> => {
      let quietMs = 0;
      for await (const piece of samples) {
        const heard = new Float32Array(piece.numberOfFrames);
        piece.copyTo(heard, { planeIndex: 0, format: 'f32-planar' });
        const sampleMs = 1000 / piece.sampleRate;
        for (const [at, level] of heard.entries()) {
          const isLoud = Math.abs(level) > 0.05;
          if (isLoud && quietMs > 250) beepsMs.push(piece.timestamp / 1000 + at * sampleMs);
          quietMs = isLoud ? 0 : quietMs + sampleMs;
        }
        piece.close();
      }
    };
    void listen();
    Object.assign(globalThis, { beats: { flashesMs, beepsMs }, fanlight: { peerConnection: connection }, kept: video });
  }, broadcast);
}

/** How long after its flash each beep came so far, in ms; negative: before. Beats of which one half is missing are left out. */
export async function beatsSeen(page: Page): Promise<number[]> {
  const { flashesMs, beepsMs } = await page.evaluate(
    () => (globalThis as unknown as { beats: { flashesMs: number[]; beepsMs: number[] } }).beats,
  );
  return flashesMs.flatMap((flashMs) => {
    const beepMs = beepsMs.find((candidate) => Math.abs(candidate - flashMs) < (PERIOD * 1000) / 2);
    return beepMs === undefined ? [] : beepMs - flashMs;
  });
}

/**
 * How far the engine itself believes to be from bringing both together: capture time of the sound that plays, less that
 * of the picture that shows, in ms; by the sender reports that it got. Undefined before it has those of both.
 */
export function believedSkew(page: Page): Promise<number | undefined> {
  return page.evaluate(async () => {
    const { peerConnection } = (globalThis as unknown as { fanlight: { peerConnection: RTCPeerConnection } }).fanlight;
    const reports = [...(await peerConnection.getStats()).values()].filter(({ type }) => type === 'inbound-rtp');
    const playing = (wanted: string) => reports.find(({ kind }) => kind === wanted)?.estimatedPlayoutTimestamp;
    const [sound, picture] = [playing('audio'), playing('video')];
    return sound === undefined || picture === undefined ? undefined : sound - picture;
  });
}
