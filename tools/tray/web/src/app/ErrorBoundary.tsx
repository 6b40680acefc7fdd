import { Component, type ReactNode } from 'react';
import { BrokenPage } from './StatePage';

/** A mistake of ours must end in words and a way on, never in a blank page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render() {
    return this.state.broken ? <BrokenPage /> : this.props.children;
  }
}
