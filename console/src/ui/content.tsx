// Payloads, results and envelopes: shown when asked for, and only to those who may see them.
import { useState } from 'preact/hooks';

import type { Content } from '../types';
import { announceError } from './announce';
import { bytes } from './format';

export interface Contents {
  name: string;
  content: Content | null | undefined;
}

/** `ask` is called when somebody wants to see them. */
export function ContentsOnDemand({
  label,
  mayRead,
  ask,
}: {
  label: string;
  mayRead: boolean;
  ask: () => Promise<{ isHidden: boolean; contents: Contents[] }>;
}) {
  const [shown, setShown] = useState<{ isHidden: boolean; contents: Contents[] } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const hidden = <p class="empty">Your token has no right to see payloads.</p>;
  if (!mayRead) return hidden;
  if (shown === null) {
    const show = async () => {
      setBusy(true);
      try {
        setShown(await ask());
      } catch (error) {
        announceError(error);
      } finally {
        setBusy(false);
      }
    };
    return (
      <button type="button" disabled={isBusy} onClick={() => void show()}>
        {label}
      </button>
    );
  }
  if (shown.isHidden) return hidden;
  return (
    <>
      {shown.contents.map(({ name, content }) => (
        <ContentText key={name} name={name} content={content} />
      ))}
      <button type="button" onClick={() => setShown(null)}>
        Hide
      </button>
    </>
  );
}

function ContentText({ name, content }: Contents) {
  if (!content) return <p class="empty">{name}: none.</p>;
  const text = content.encoding === 'utf8' ? pretty(content.data) : content.data;
  const size =
    content.encoding === 'utf8'
      ? new TextEncoder().encode(content.data).length
      : Math.floor((content.data.replace(/=+$/, '').length * 3) / 4);
  return (
    <figure class="content">
      <figcaption>
        {name} <span class="faint">{`${bytes(size)}${content.encoding === 'base64' ? ', not text: base64' : ''}`}</span>
      </figcaption>
      <pre tabIndex={0} role="region" aria-label={name}>
        {text}
      </pre>
    </figure>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
