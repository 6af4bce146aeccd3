// The button that pauses a lane, or lets it go on.
import { Confirm } from './dialog';

export function PauseOrResume({
  what,
  isPaused,
  pause,
  resume,
  act,
}: {
  /** What is paused, as the question names it. */
  what: string;
  isPaused: boolean;
  /** What each of the two does. */
  pause: string;
  resume: string;
  act: (note: string) => Promise<string>;
}) {
  const note = 'Note (kept with who did it)';
  return isPaused ? (
    <Confirm label="Resume" tone="primary" title={`Resume ${what}?`} text={resume} note={note} act={act} />
  ) : (
    <Confirm label="Pause" title={`Pause ${what}?`} text={pause} note={note} act={act} />
  );
}
