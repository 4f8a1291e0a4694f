import { Frame } from '@/components/shell/frame';

export default function Layout({ children }: { children: React.ReactNode }) {
  return <Frame>{children}</Frame>;
}
